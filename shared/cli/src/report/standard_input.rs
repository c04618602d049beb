//! Standard input whose reads end when a signal arrives.

use std::io::{self, BufRead, Read};

use session_client::interrupt::Interrupt;

/// Bytes per read.
const INPUT_CHUNK_BYTES: usize = 64 * 1024;

/// Buffered standard input. Each read runs in a thread of its own and fails once the interrupt is set.
pub(super) struct StandardInput {
    /// `None` after a read was abandoned.
    stream: Option<Box<dyn Read + Send>>,
    interrupt: Interrupt,
    chunk: Vec<u8>,
    /// Bytes of the chunk that were consumed.
    consumed: usize,
}

impl StandardInput {
    pub(super) fn new(stream: impl Read + Send + 'static) -> Self {
        Self {
            stream: Some(Box::new(stream)),
            interrupt: Interrupt::default(),
            chunk: Vec::new(),
            consumed: 0,
        }
    }

    /// Makes reads fail once the interrupt is set.
    pub(super) fn set_interrupt(&mut self, interrupt: &Interrupt) {
        self.interrupt = interrupt.clone();
    }

    /// Takes the rest of the input, for reads that a signal does not end. This reader is at its end from then on.
    pub(super) fn take_rest(&mut self) -> Box<dyn Read + Send> {
        let rest = io::Cursor::new(self.chunk.split_off(self.consumed));
        match self.stream.replace(Box::new(io::empty())) {
            Some(stream) => Box::new(rest.chain(stream)),
            None => Box::new(rest),
        }
    }

    /// Reads the next chunk; empty at the end.
    fn read_chunk(&mut self) -> io::Result<Vec<u8>> {
        let Some(mut stream) = self.stream.take() else {
            return Ok(Vec::new());
        };
        let reading = move || {
            let mut chunk = vec![0; INPUT_CHUNK_BYTES];
            let read = loop {
                match stream.read(&mut chunk) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    read => break read,
                }
            };
            let read = read.map(|length| {
                chunk.truncate(length);
                chunk
            });
            (stream, read)
        };
        let (stream, read) = self
            .interrupt
            .run_blocking(reading)
            .map_err(io::Error::other)?;
        self.stream = Some(stream);
        read
    }
}

impl Read for StandardInput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for StandardInput {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.consumed == self.chunk.len() {
            self.consumed = 0;
            self.chunk = Vec::new();
            self.chunk = self.read_chunk()?;
        }
        Ok(&self.chunk[self.consumed..])
    }

    fn consume(&mut self, amount: usize) {
        self.consumed = (self.consumed + amount).min(self.chunk.len());
    }
}

/// Discards input that was typed and not read.
pub(super) fn discard_typed_input() {
    // A closed terminal has no input.
    #[cfg(unix)]
    let _ = rustix::termios::tcflush(io::stdin(), rustix::termios::QueueSelector::IFlush);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_whole_by_lines_and_in_the_end_by_others() {
        let text = format!("one\n{}", "x".repeat(INPUT_CHUNK_BYTES));
        let mut input = StandardInput::new(io::Cursor::new(text.clone()));
        let mut line = String::new();
        input.read_line(&mut line).unwrap();
        assert_eq!(line, "one\n");
        let mut rest = String::new();
        input.take_rest().read_to_string(&mut rest).unwrap();
        assert_eq!(rest.len(), INPUT_CHUNK_BYTES);
        assert_eq!(input.read_to_string(&mut rest).unwrap(), 0);
    }

    #[test]
    fn nothing_is_read_once_the_interrupt_is_set() {
        let interrupt = Interrupt::default();
        let mut input = StandardInput::new(io::Cursor::new("y\n"));
        input.set_interrupt(&interrupt);
        interrupt.trigger();
        assert!(input.fill_buf().is_err());
        assert_eq!(input.fill_buf().unwrap(), b"");
    }
}
