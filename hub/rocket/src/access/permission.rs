//! The original's bits.

/// What a user may do: a sum of 1 (read: subscribe), 2 (write: broadcast, direct) and 4 (manage). The original never
/// asks for 4 over the wire, nor does this.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Permission(u8);

impl Permission {
    pub(crate) const READ: Self = Self(1);
    pub(crate) const WRITE: Self = Self(2);

    /// From a configuration; other bits than the three mean nothing, as in the original.
    pub(crate) fn of_bits(bits: u8) -> Self {
        Self(bits & 7)
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// All of `wanted`.
    pub(crate) fn allows(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks() {
        for (bits, read, write) in [
            (0, false, false),
            (1, true, false),
            (2, false, true),
            (3, true, true),
            (4, false, false),
            (7, true, true),
            (255, true, true),
        ] {
            let permission = Permission::of_bits(bits);
            assert_eq!(permission.allows(Permission::READ), read, "{bits}");
            assert_eq!(permission.allows(Permission::WRITE), write, "{bits}");
            assert_eq!(permission.allows(Permission::READ.and(Permission::WRITE)), read && write, "{bits}");
        }
    }
}
