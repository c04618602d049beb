//! `pods/exec`: what a command in a container says and how it ends, as WebSocket frames.

use serde_json::json;

/// How a command in a container goes.
#[derive(Clone, Debug, Default)]
pub struct Execution {
    /// What it writes to stdout.
    pub stdout: Vec<u8>,
    /// What it writes to stderr.
    pub stderr: Vec<u8>,
    /// Its exit code.
    pub code: i32,
    /// The connection is cut before the command has ended.
    pub cut: bool,
    /// How long it takes.
    pub delay: std::time::Duration,
    /// It reads its input to the end before it says anything, and says that first: `cat`.
    pub echo: bool,
    /// It is not run: the server says so, in these words, once the connection stands.
    pub refused: Option<String>,
    /// The server speaks version 4 of the protocol, which cannot tell the end of the input.
    pub old: bool,
}

/// What a command in a container heard from the client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Its input.
    pub input: Vec<u8>,
    /// The end of its input was told.
    pub closed: bool,
    /// Columns and rows of its terminal, one after another.
    pub sizes: Vec<(u64, u64)>,
}

impl Execution {
    /// All frames of the server, in order: stdout, stderr, the Status, the end.
    pub(crate) fn frames(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (channel, data) in [(1, &self.stdout), (2, &self.stderr)] {
            // Small frames, so that clients have to put them together.
            for chunk in data.chunks(16 * 1024) {
                frame(&mut bytes, 2, channel, chunk);
            }
        }
        if self.cut {
            return bytes;
        }
        let status = if let Some(message) = &self.refused {
            json!({"metadata": {}, "status": "Failure", "reason": "InternalError", "code": 500, "message": message})
        } else if self.code == 0 {
            json!({"metadata": {}, "status": "Success"})
        } else {
            json!({"metadata": {}, "status": "Failure", "message": format!("command terminated with non-zero exit code: exit status {}", self.code),
                "reason": "NonZeroExitCode", "details": {"causes": [{"reason": "ExitCode", "message": self.code.to_string()}]}})
        };
        frame(&mut bytes, 2, 3, status.to_string().as_bytes());
        // Close, 1000.
        bytes.extend([0x88, 2, 0x03, 0xe8]);
        bytes
    }
}

/// Frames of the client, put together as their bytes come.
#[derive(Default)]
pub(crate) struct Ear {
    bytes: Vec<u8>,
    pub(crate) heard: Heard,
}

impl Ear {
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        while let Some((payload, end)) = unmasked(&self.bytes) {
            self.bytes.drain(..end);
            match payload.split_first() {
                Some((0, data)) => self.heard.input.extend(data),
                Some((255, [0])) => self.heard.closed = true,
                Some((4, data)) => {
                    let size: serde_json::Value =
                        serde_json::from_slice(data).expect("a size is JSON");
                    let side = |name: &str| size[name].as_u64().expect("a size has two numbers");
                    self.heard.sizes.push((side("Width"), side("Height")));
                }
                // Pings, and the end.
                _ => {}
            }
        }
    }
}

/// The payload of the first frame and where it ends; `None` while it is not complete. Clients mask theirs.
pub(crate) fn unmasked(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (short, from) = (usize::from(bytes.get(1)? & 0x7f), 2);
    let number = |count: usize| -> Option<usize> {
        let part = bytes.get(from..from + count)?;
        Some(
            part.iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
        )
    };
    let (length, from) = match short {
        126 => (number(2)?, from + 2),
        127 => (number(8)?, from + 8),
        short => (short, from),
    };
    let mask = bytes.get(from..from + 4)?;
    let data = bytes.get(from + 4..from + 4 + length)?;
    let payload = data.iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b);
    Some((payload.collect(), from + 4 + length))
}

/// One unmasked frame; the first byte of its payload is the channel.
pub(crate) fn frame(bytes: &mut Vec<u8>, opcode: u8, channel: u8, data: &[u8]) {
    let length = data.len() + 1;
    bytes.push(0x80 | opcode);
    if length < 126 {
        bytes.push(length as u8);
    } else {
        bytes.push(126);
        bytes.extend(
            u16::try_from(length)
                .expect("frames are small")
                .to_be_bytes(),
        );
    }
    bytes.push(channel);
    bytes.extend(data);
}

/// `Sec-WebSocket-Accept` for a key (RFC 6455): base64 of SHA-1.
pub(crate) fn accept(key: &str) -> String {
    use base64::Engine;
    let digest = sha1(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11").as_bytes());
    base64::engine::general_purpose::STANDARD.encode(digest)
}

/// SHA-1 (RFC 3174), which only the handshake of WebSockets still needs.
fn sha1(data: &[u8]) -> [u8; 20] {
    let mut state: [u32; 5] = [
        0x6745_2301,
        0xefcd_ab89,
        0x98ba_dcfe,
        0x1032_5476,
        0xc3d2_e1f0,
    ];
    let mut padded = data.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend((data.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks(64) {
        let mut words = [0u32; 80];
        for (index, four) in block.chunks(4).enumerate() {
            words[index] = u32::from_be_bytes([four[0], four[1], four[2], four[3]]);
        }
        for index in 16..80 {
            words[index] =
                (words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16])
                    .rotate_left(1);
        }
        let [mut a, mut b, mut c, mut d, mut e] = state;
        for (index, word) in words.iter().enumerate() {
            let (mix, constant) = match index / 20 {
                0 => ((b & c) | (!b & d), 0x5a82_7999),
                1 => (b ^ c ^ d, 0x6ed9_eba1),
                2 => ((b & c) | (b & d) | (c & d), 0x8f1b_bcdc),
                _ => (b ^ c ^ d, 0xca62_c1d6),
            };
            let next = a
                .rotate_left(5)
                .wrapping_add(mix)
                .wrapping_add(e)
                .wrapping_add(constant)
                .wrapping_add(*word);
            (e, d, c, b, a) = (d, c, b.rotate_left(30), a, next);
        }
        for (sum, value) in state.iter_mut().zip([a, b, c, d, e]) {
            *sum = sum.wrapping_add(value);
        }
    }
    let mut digest = [0; 20];
    for (four, word) in digest.chunks_mut(4).zip(state) {
        four.copy_from_slice(&word.to_be_bytes());
    }
    digest
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_example_of_the_rfc() {
        assert_eq!(
            super::accept("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }
}
