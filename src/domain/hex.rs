//! Bytes as people and protocols write them (base 16 in lower case, RFC 4648 §8).

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_two_digits() {
        assert_eq!(hex(&[]), "");
        assert_eq!(hex(&[0x00, 0x0a, 0x7f, 0xff]), "000a7fff");
        // RFC 4648 §10, in lower case.
        assert_eq!(hex(b"foobar"), "666f6f626172");
    }
}
