//! What kind of address an address is.
//!
//! Sources: the IANA special-purpose registries for IPv4 and IPv6 (RFC 6890 and its updates); RFC 4291 for
//! the mapped and compatible forms, RFC 6052 and 8215 for NAT64, RFC 3056 for 6to4, RFC 4380 for Teredo.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use AddressClass::{
    Benchmarking, CarrierGrade, Documentation, LinkLocal, Loopback, Multicast, Private, Public, Reserved,
    SiteLocal, UniqueLocal, Unspecified,
};

/// The kind of an address. Only [`Public`](AddressClass::Public) may be dialled without being allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressClass {
    /// Anybody on the internet can reach it.
    Public,
    /// "This network": `0.0.0.0/8` and `::`. A connection to it arrives at the own machine.
    Unspecified,
    /// The own machine: `127.0.0.0/8` and `::1`.
    Loopback,
    /// RFC 1918, and the operator's own NAT64 prefix `64:ff9b:1::/48`.
    Private,
    /// Between provider and customer: `100.64.0.0/10` (RFC 6598).
    CarrierGrade,
    /// The own link, and on clouds the metadata service: `169.254.0.0/16` and `fe80::/10`.
    LinkLocal,
    /// `fc00::/7` (RFC 4193).
    UniqueLocal,
    /// `fec0::/10`, deprecated (RFC 3879) and still routed here and there.
    SiteLocal,
    /// `224.0.0.0/4` and `ff00::/8`.
    Multicast,
    /// Addresses for examples.
    Documentation,
    /// Addresses for measuring networks.
    Benchmarking,
    /// Broadcast, future use, deprecated mechanisms, IPv6 that is not global unicast, and hosts' own services.
    Reserved,
}

impl AddressClass {
    /// For logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Public => "public",
            Unspecified => "unspecified",
            Loopback => "loopback",
            Private => "private",
            CarrierGrade => "carrier-grade NAT",
            LinkLocal => "link-local",
            UniqueLocal => "unique local",
            SiteLocal => "site-local",
            Multicast => "multicast",
            Documentation => "documentation",
            Benchmarking => "benchmarking",
            Reserved => "reserved",
        }
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is not public in IPv4: network, prefix length, class.
const V4: [([u8; 4], u32, AddressClass); 17] = [
    ([0, 0, 0, 0], 8, Unspecified),
    ([10, 0, 0, 0], 8, Private),
    ([100, 64, 0, 0], 10, CarrierGrade),
    ([127, 0, 0, 0], 8, Loopback),
    // Azure's host service stands at an address that looks public and answers to every virtual machine.
    ([168, 63, 129, 16], 32, Reserved),
    ([169, 254, 0, 0], 16, LinkLocal),
    ([172, 16, 0, 0], 12, Private),
    ([192, 0, 0, 0], 24, Reserved),
    ([192, 0, 2, 0], 24, Documentation),
    ([192, 88, 99, 0], 24, Reserved),
    ([192, 168, 0, 0], 16, Private),
    ([198, 18, 0, 0], 15, Benchmarking),
    ([198, 51, 100, 0], 24, Documentation),
    ([203, 0, 113, 0], 24, Documentation),
    ([224, 0, 0, 0], 4, Multicast),
    // With 255.255.255.255, broadcast.
    ([240, 0, 0, 0], 4, Reserved),
    // Not a rule of its own: what is left is public.
    ([0, 0, 0, 0], 0, Public),
];

/// What is special in IPv6, the first match counts: network (upper half), prefix length, class. The lower
/// half is zero in all of them. Forms that embed an IPv4 address are judged before.
const V6: [(u64, u32, AddressClass); 11] = [
    // A translation prefix of the operator's own network. Where in it the IPv4 address is, only the operator
    // knows (RFC 6052 has six layouts), so it is not unwrapped and never public.
    (0x0064_ff9b_0001_0000, 48, Private),
    (0xfc00_0000_0000_0000, 7, UniqueLocal),
    (0xfe80_0000_0000_0000, 10, LinkLocal),
    (0xfec0_0000_0000_0000, 10, SiteLocal),
    (0xff00_0000_0000_0000, 8, Multicast),
    (0x2001_0002_0000_0000, 48, Benchmarking),
    // Protocol assignments: ORCHID, AMT, anycast for PCP and TURN. Teredo, in it too, is unwrapped before.
    (0x2001_0000_0000_0000, 23, Reserved),
    (0x2001_0db8_0000_0000, 32, Documentation),
    (0x3fff_0000_0000_0000, 20, Documentation),
    // Global unicast. All else is not assigned to hosts.
    (0x2000_0000_0000_0000, 3, Public),
    (0, 0, Reserved),
];

/// What kind of address this is. Addresses that lead to an IPv4 address are of its kind.
pub fn classify(address: IpAddr) -> AddressClass {
    match address {
        IpAddr::V4(v4) => classify_v4(v4),
        IpAddr::V6(v6) => classify_v6(v6),
    }
}

fn classify_v4(address: Ipv4Addr) -> AddressClass {
    let bits = address.to_bits();
    let within = |network: [u8; 4], length: u32| {
        // A shift by 32 is not defined for u32; the row with length 0 matches everything.
        let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
        bits & mask == u32::from_be_bytes(network)
    };
    V4.iter().find(|(network, length, _)| within(*network, *length)).map_or(Reserved, |row| row.2)
}

fn classify_v6(address: Ipv6Addr) -> AddressClass {
    if address.is_unspecified() {
        return Unspecified;
    }
    if address.is_loopback() {
        return Loopback;
    }
    match embedded(address) {
        Embedded::One(v4) => return classify_v4(v4),
        // Deprecated, so no host on the internet has one; but what it embeds tells more where it is special.
        Embedded::Compatible(v4) => return not_public(classify_v4(v4)).unwrap_or(Reserved),
        Embedded::Teredo { server, client } => {
            return not_public(classify_v4(client)).or(not_public(classify_v4(server))).unwrap_or(Public);
        }
        Embedded::None => {}
    }
    let upper = (address.to_bits() >> 64) as u64;
    let within = |network: u64, length: u32| {
        let mask = u64::MAX.checked_shl(64 - length).unwrap_or(0);
        upper & mask == network
    };
    V6.iter().find(|(network, length, _)| within(*network, *length)).map_or(Reserved, |row| row.2)
}

fn not_public(class: AddressClass) -> Option<AddressClass> {
    (class != Public).then_some(class)
}

enum Embedded {
    None,
    /// Mapped, NAT64 or 6to4.
    One(Ipv4Addr),
    Compatible(Ipv4Addr),
    Teredo {
        server: Ipv4Addr,
        client: Ipv4Addr,
    },
}

fn embedded(address: Ipv6Addr) -> Embedded {
    let [s0, s1, s2, s3, s4, s5, s6, s7] = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match [s0, s1, s2, s3, s4, s5] {
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => Embedded::One(v4(s6, s7)),
        [0, 0, 0, 0, 0, 0] => Embedded::Compatible(v4(s6, s7)),
        [0x2002, high, low, ..] => Embedded::One(v4(high, low)),
        // The client's address is sent with all bits inverted (RFC 4380 section 4).
        [0x2001, 0, high, low, ..] => Embedded::Teredo { server: v4(high, low), client: v4(!s6, !s7) },
        _ => Embedded::None,
    }
}

/// The IPv4 address at which packets to this address arrive in the end, where it names one.
pub(crate) fn embedded_v4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => match embedded(v6) {
            Embedded::One(v4) | Embedded::Compatible(v4) | Embedded::Teredo { client: v4, .. } => Some(v4),
            Embedded::None => None,
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// Each range with its first and last address and the neighbours outside of it.
    #[test]
    fn every_range_with_its_borders() {
        let table = [
            ("0.0.0.0", Unspecified),
            ("0.255.255.255", Unspecified),
            ("1.0.0.0", Public),
            ("9.255.255.255", Public),
            ("10.0.0.0", Private),
            ("10.255.255.255", Private),
            ("11.0.0.0", Public),
            ("100.63.255.255", Public),
            ("100.64.0.0", CarrierGrade),
            ("100.100.100.200", CarrierGrade),
            ("100.127.255.255", CarrierGrade),
            ("100.128.0.0", Public),
            ("126.255.255.255", Public),
            ("127.0.0.0", Loopback),
            ("127.0.0.1", Loopback),
            ("127.255.255.255", Loopback),
            ("128.0.0.0", Public),
            ("168.63.129.15", Public),
            ("168.63.129.16", Reserved),
            ("168.63.129.17", Public),
            ("169.253.255.255", Public),
            ("169.254.0.0", LinkLocal),
            ("169.254.169.254", LinkLocal),
            ("169.254.255.255", LinkLocal),
            ("169.255.0.0", Public),
            ("172.15.255.255", Public),
            ("172.16.0.0", Private),
            ("172.31.255.255", Private),
            ("172.32.0.0", Public),
            ("191.255.255.255", Public),
            ("192.0.0.0", Reserved),
            ("192.0.0.192", Reserved),
            ("192.0.0.255", Reserved),
            ("192.0.1.255", Public),
            ("192.0.2.0", Documentation),
            ("192.0.2.255", Documentation),
            ("192.0.3.0", Public),
            ("192.88.98.255", Public),
            ("192.88.99.0", Reserved),
            ("192.88.99.255", Reserved),
            ("192.88.100.0", Public),
            ("192.167.255.255", Public),
            ("192.168.0.0", Private),
            ("192.168.255.255", Private),
            ("192.169.0.0", Public),
            ("198.17.255.255", Public),
            ("198.18.0.0", Benchmarking),
            ("198.19.255.255", Benchmarking),
            ("198.20.0.0", Public),
            ("198.51.99.255", Public),
            ("198.51.100.0", Documentation),
            ("198.51.100.255", Documentation),
            ("198.51.101.0", Public),
            ("203.0.112.255", Public),
            ("203.0.113.0", Documentation),
            ("203.0.113.255", Documentation),
            ("203.0.114.0", Public),
            ("223.255.255.255", Public),
            ("224.0.0.0", Multicast),
            ("239.255.255.255", Multicast),
            ("240.0.0.0", Reserved),
            ("255.255.255.254", Reserved),
            ("255.255.255.255", Reserved),
            // IPv6, in the order of the bits.
            ("::", Unspecified),
            ("::1", Loopback),
            ("64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", Reserved),
            ("64:ff9b:0:ffff:ffff:ffff:ffff:ffff", Reserved),
            ("64:ff9b:1::", Private),
            ("64:ff9b:1::808:808", Private),
            ("64:ff9b:1:ffff:ffff:ffff:ffff:ffff", Private),
            ("64:ff9b:2::", Reserved),
            ("100::", Reserved),
            ("100:0:0:1::1", Reserved),
            ("1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Reserved),
            ("2000::", Public),
            ("2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Public),
            ("2001:1::1", Reserved),
            ("2001:2::", Benchmarking),
            ("2001:2:0:ffff:ffff:ffff:ffff:ffff", Benchmarking),
            ("2001:2:1::", Reserved),
            ("2001:10::1", Reserved),
            ("2001:20::1", Reserved),
            ("2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", Reserved),
            ("2001:200::", Public),
            ("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", Public),
            ("2001:db8::", Documentation),
            ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Documentation),
            ("2001:db9::", Public),
            ("2001:4860:4860::8888", Public),
            ("2003::1", Public),
            ("3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Public),
            ("3fff::", Documentation),
            ("3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", Documentation),
            ("3fff:1000::", Public),
            ("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Public),
            ("4000::", Reserved),
            ("5f00::1", Reserved),
            ("fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Reserved),
            ("fc00::", UniqueLocal),
            ("fd00:ec2::254", UniqueLocal),
            ("fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", UniqueLocal),
            ("fe00::", Reserved),
            ("fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Reserved),
            ("fe80::", LinkLocal),
            ("febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", LinkLocal),
            ("fec0::", SiteLocal),
            ("feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", SiteLocal),
            ("ff00::", Multicast),
            ("ff02::1", Multicast),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Multicast),
        ];
        for (text, class) in table {
            assert_eq!(classify(text.parse().unwrap()), class, "{text}");
        }
    }

    #[test]
    fn embedded_addresses_are_unwrapped() {
        let table = [
            // Mapped.
            ("::ffff:127.0.0.1", Loopback),
            ("::ffff:10.1.2.3", Private),
            ("::ffff:169.254.169.254", LinkLocal),
            ("::ffff:0.0.0.0", Unspecified),
            ("::ffff:8.8.8.8", Public),
            // Translated (RFC 2765), not mapped, though it looks alike.
            ("::ffff:0:127.0.0.1", Reserved),
            // Compatible: never public.
            ("::127.0.0.1", Loopback),
            ("::10.1.2.3", Private),
            ("::2", Unspecified),
            ("::8.8.8.8", Reserved),
            // NAT64.
            ("64:ff9b::127.0.0.1", Loopback),
            ("64:ff9b::192.168.1.1", Private),
            ("64:ff9b::169.254.169.254", LinkLocal),
            ("64:ff9b::8.8.8.8", Public),
            ("64:ff9b::255.255.255.255", Reserved),
            // 6to4.
            ("2002:7f00:1::", Loopback),
            ("2002:7f00:1::1", Loopback),
            ("2002:a00:1:ffff:ffff:ffff:ffff:ffff", Private),
            ("2002:6440:1::", CarrierGrade),
            ("2002:808:808::1", Public),
            // Teredo: server 8.8.8.8, client inverted.
            ("2001:0:808:808:0:0:80ff:fffe", Loopback),
            ("2001:0:808:808:0:0:f5ff:fffe", Private),
            ("2001:0:808:808:0:0:5601:5601", LinkLocal),
            ("2001:0:808:808:0:0:f7f7:f7f7", Public),
            // Teredo: client 8.8.8.8, server private.
            ("2001:0:a00:1:0:0:f7f7:f7f7", Private),
            ("2001::", Reserved),
        ];
        for (text, class) in table {
            assert_eq!(classify(text.parse().unwrap()), class, "{text}");
        }
    }

    proptest! {
        /// Whatever wraps an address that is not public is not public either.
        #[test]
        fn wrapping_never_makes_an_address_public(bits: u32, rest: u64) {
            let v4 = Ipv4Addr::from_bits(bits);
            let class = classify(IpAddr::V4(v4));
            let (bits, rest) = (u128::from(bits), u128::from(rest));
            for form in [
                0xffff << 32 | bits,
                0x64_ff9b << 96 | bits,
                0x2002 << 112 | bits << 80 | rest,
                0x2001 << 112 | 0x0808_0808 << 64 | u128::from(!v4.to_bits()),
            ] {
                let wrapped = IpAddr::V6(Ipv6Addr::from_bits(form));
                prop_assert_eq!(classify(wrapped), class, "{}", wrapped);
                prop_assert_eq!(embedded_v4(wrapped), Some(v4));
            }
            prop_assert_ne!(classify(IpAddr::V6(Ipv6Addr::from_bits(bits))), Public);
        }
    }
}
