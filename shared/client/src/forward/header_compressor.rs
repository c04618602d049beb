//! Compression of SPDY header blocks with SPDY's dictionary. One compressor lives as long as its connection, since each
//! block continues the previous one's compression state.

use std::io;

use flate2::{Compress, Compression, FlushCompress};

/// The initial dictionary of both sides: SPDY protocol, draft 3.1, §2.6.10.1. The bytes are those of dictionary.go in
/// github.com/moby/spdystream, which Kubernetes uses; Adler-32 e3c6a7c2.
pub(super) const DICTIONARY: &[u8] = include_bytes!("dictionary.bin");

/// A compressor for the header blocks of one connection.
#[derive(Debug)]
pub(super) struct HeaderCompressor(Compress);

impl HeaderCompressor {
    /// Creates a compressor for a new connection.
    ///
    /// # Errors
    /// A dictionary that the compression library rejects.
    pub(super) fn new() -> io::Result<Self> {
        let mut compress = Compress::new(Compression::fast(), true);
        compress
            .set_dictionary(DICTIONARY)
            .map_err(io::Error::other)?;
        Ok(Self(compress))
    }

    /// Compresses a header block. Names must be lower case and unique.
    ///
    /// # Errors
    /// A failed compression, after which the compressor cannot be used any more.
    pub(super) fn compress(&mut self, headers: &[(&str, &str)]) -> io::Result<Vec<u8>> {
        let plain = encode_headers(headers);
        // Compression adds a few bytes at most; `compress_vec` fills only the reserved capacity.
        let mut block = Vec::with_capacity(plain.len() + 128);
        let begun = self.0.total_in();
        self.0
            .compress_vec(&plain, &mut block, FlushCompress::Sync)
            .map_err(io::Error::other)?;
        let is_whole = self.0.total_in() - begun == plain.len() as u64;
        if is_whole && block.len() < block.capacity() {
            return Ok(block);
        }
        Err(io::Error::other("cannot compress a header block"))
    }
}

/// Encodes the uncompressed block: the number of headers, then length and text of each name and value.
fn encode_headers(headers: &[(&str, &str)]) -> Vec<u8> {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes();
    let mut plain = number(headers.len()).to_vec();
    for text in headers.iter().flat_map(|(name, value)| [name, value]) {
        plain.extend(number(text.len()));
        plain.extend(text.as_bytes());
    }
    plain
}

#[cfg(test)]
pub(super) mod tests {
    use bytes::Buf;
    use flate2::{Decompress, FlushDecompress};

    use super::*;

    /// A reader of the header blocks of one connection, as a server has it.
    pub(in super::super) struct Reader(Decompress);

    impl Reader {
        pub(in super::super) fn new() -> Self {
            Self(Decompress::new(true))
        }

        pub(in super::super) fn headers(&mut self, block: &[u8]) -> Vec<(String, String)> {
            let mut plain = Vec::with_capacity(64 * 1024);
            let begun = self.0.total_in();
            let first = self
                .0
                .decompress_vec(block, &mut plain, FlushDecompress::Sync);
            if first.is_err_and(|error| error.needs_dictionary().is_some()) {
                self.0.set_dictionary(DICTIONARY).unwrap();
                let read = usize::try_from(self.0.total_in() - begun).unwrap();
                self.0
                    .decompress_vec(&block[read..], &mut plain, FlushDecompress::Sync)
                    .unwrap();
            }
            let mut plain = plain.as_slice();
            let count = plain.get_u32();
            let mut word = || {
                let length = plain.get_u32() as usize;
                let word = String::from_utf8(plain[..length].to_vec()).unwrap();
                plain.advance(length);
                word
            };
            (0..count).map(|_| (word(), word())).collect()
        }
    }

    #[test]
    fn blocks_are_read_in_the_order_they_were_made() {
        let (mut compressor, mut reader) = (HeaderCompressor::new().unwrap(), Reader::new());
        for id in 0..1000 {
            let id = id.to_string();
            let headers = [
                ("streamtype", "error"),
                ("port", "8080"),
                ("requestid", &id),
            ];
            let block = compressor.compress(&headers).unwrap();
            let read = reader.headers(&block);
            let read: Vec<(&str, &str)> = read.iter().map(|(n, v)| (&**n, &**v)).collect();
            assert_eq!(read, headers);
        }
    }

    /// Blocks created by Go's implementation: `spdy.NewFramer` of moby/spdystream v0.5.1, see frame_tests.rs.
    #[test]
    fn blocks_of_the_other_side_are_read() {
        let mut reader = Reader::new();
        let first = super::super::frame::tests::hex(
            "78f9e3c6a7c26260606004a7b392a2d4c45c6851c29a0a0a6800000000ffff",
        );
        let second = super::super::frame::tests::hex("c22a052a651201000000ffff");
        let header = |value: &str| vec![("streamtype".to_owned(), value.to_owned())];
        assert_eq!(reader.headers(&first), header("error"));
        assert_eq!(reader.headers(&second), header("data"));
    }

    #[test]
    fn the_dictionary_is_the_one_of_the_protocol() {
        let adler = Compress::new(Compression::fast(), true)
            .set_dictionary(DICTIONARY)
            .unwrap();
        assert_eq!((DICTIONARY.len(), adler), (1423, 0xe3c6_a7c2));
    }
}
