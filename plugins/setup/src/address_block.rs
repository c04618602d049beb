//! A block of IP addresses in CIDR notation, as NetworkPolicies have them. Pure.

use std::net::IpAddr;

/// A block of addresses of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AddressBlock {
    is_v4: bool,
    /// The address, in the highest bits.
    address: u128,
    length: u32,
}

impl AddressBlock {
    /// Parses `ADDRESS/LENGTH`; `None` for other text.
    pub(crate) fn parse(cidr: &str) -> Option<Self> {
        let (address, length) = cidr.split_once('/')?;
        let (is_v4, address, width) = match address.parse().ok()? {
            IpAddr::V4(address) => (true, u128::from(address.to_bits()) << 96, 32),
            IpAddr::V6(address) => (false, address.to_bits(), 128),
        };
        let length = length.parse().ok().filter(|length| *length <= width)?;
        Some(Self {
            is_v4,
            address,
            length,
        })
    }

    /// Returns true if all addresses of the other block are in this one.
    pub(crate) fn contains(self, other: Self) -> bool {
        // A shift by all bits leaves nothing.
        let prefix = |address: u128| address.checked_shr(128 - self.length).unwrap_or(0);
        self.is_v4 == other.is_v4
            && self.length <= other.length
            && prefix(self.address) == prefix(other.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_contains_the_smaller_ones_of_its_family() {
        for (block, other, expected) in [
            ("0.0.0.0/0", "10.0.0.0/8", true),
            ("10.0.0.0/8", "10.0.0.0/8", true),
            ("10.0.0.0/8", "10.1.2.3/32", true),
            ("10.0.0.0/8", "11.0.0.0/32", false),
            ("10.1.0.0/16", "10.0.0.0/8", false),
            ("::/0", "fc00::/7", true),
            ("fc00::/7", "fd00:ec2::254/128", true),
            ("fc00::/7", "fe80::/10", false),
            ("::/0", "10.0.0.0/8", false),
            ("0.0.0.0/0", "::/0", false),
        ] {
            let parse = |text| AddressBlock::parse(text).unwrap();
            assert_eq!(
                parse(block).contains(parse(other)),
                expected,
                "{block} {other}"
            );
        }
        for text in ["10.0.0.0", "10.0.0.0/33", "::/129", "${NET}/8", "10.0.0.0/"] {
            assert_eq!(AddressBlock::parse(text), None, "{text}");
        }
    }
}
