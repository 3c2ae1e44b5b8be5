//! The sections of a program in one struct.

use crate::{Key, Problem, Section};

/// The whole configuration of a program. Declared with [`configuration!`](crate::configuration).
pub trait Composite: Default + serde::Serialize + serde::de::DeserializeOwned {
    /// Its sections in order of declaration.
    fn outlines() -> Vec<Outline>;
}

/// A [`Section`] as data: what loading and documentation need of it without knowing its type.
#[derive(Debug, Clone)]
pub struct Outline {
    /// The name of its table in the file; the prefix of its keys.
    pub name: &'static str,
    /// What it is for.
    pub doc: String,
    /// Its keys in order of declaration, with their defaults.
    pub keys: Vec<Key>,
    /// Whether the section can be read from a table; else the reason.
    pub(crate) accepts: fn(toml::Table) -> Result<(), String>,
    /// What the section's check finds in a table that it accepts.
    pub(crate) check: fn(toml::Table) -> Result<Vec<Problem>, String>,
}

impl Outline {
    /// The outline of `S`.
    ///
    /// # Panics
    /// When a default of the section cannot be written as TOML: a number above 2^63 - 1.
    pub fn of<S: Section>() -> Self {
        Self {
            name: S::NAME,
            doc: S::doc(),
            keys: Key::with_defaults(S::keys(), &S::default()),
            accepts: |table| read::<S>(table).map(drop),
            check: |table| {
                let mut problems = Vec::new();
                read::<S>(table)?.check(&mut problems);
                Ok(problems)
            },
        }
    }

    /// The full name of a key of this section.
    pub(crate) fn path(&self, key: &str) -> String {
        format!("{}.{key}", self.name)
    }
}

fn read<S: Section>(table: toml::Table) -> Result<S, String> {
    S::deserialize(toml::Value::Table(table)).map_err(|error| error.message().to_owned())
}

/// Whether two names are the same; for assertions at compile time.
#[doc(hidden)]
pub const fn same_name(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut i = 0;
    while i < one.len() && i < other.len() && one[i] == other[i] {
        i += 1;
    }
    i == one.len() && i == other.len()
}

/// Declares the configuration of a program: its sections, each in a field of the section's name.
///
/// ```
/// # mod lamps {
/// #     polysocket_config::section! {
/// #         /// What the lamp does.
/// #         pub struct Lamp = "lamp" {
/// #             /// How bright it is, in lumen.
/// #             lumen: u32 = 800,
/// #         }
/// #     }
/// # }
/// polysocket_config::configuration! {
///     /// Everything about the house.
///     pub struct Config {
///         lamp: lamps::Lamp,
///     }
/// }
/// let config: Config = polysocket_config::load(&polysocket_config::Layers::default()).unwrap();
/// assert_eq!(config.lamp.lumen, 800);
/// ```
///
/// A field whose name is not its section's name does not compile.
#[macro_export]
macro_rules! configuration {
    (
        $(#[doc = $doc:literal])*
        pub struct $name:ident {
            $( $(#[doc = $fdoc:literal])* $field:ident : $section:ty ),* $(,)?
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Default, $crate::serde::Serialize, $crate::serde::Deserialize)]
        #[serde(crate = "polysocket_config::serde", default, deny_unknown_fields)]
        pub struct $name {
            $(
                #[doc = concat!("The section `[", stringify!($field), "]`.")]
                $(#[doc = $fdoc])*
                pub $field: $section,
            )*
        }
        $( const _: () = assert!(
            $crate::same_name(stringify!($field), <$section as $crate::Section>::NAME),
            "a field has the name of its section",
        ); )*
        impl $crate::Composite for $name {
            fn outlines() -> Vec<$crate::Outline> {
                vec![$( $crate::Outline::of::<$section>() ),*]
            }
        }
    };
}
