//! The stream format of container logs.
//!
//! Without a terminal each part of a log is framed: one byte for the stream (0 stdin, 1 stdout, 2 stderr), three zero bytes, the
//! length as a big-endian 32-bit number, then the part ("Stream format" of `ContainerAttach` in the Docker Engine API reference).

/// Takes the frames off, whatever the sizes in which bytes arrive.
#[derive(Debug, Default)]
pub(crate) struct Demultiplexer {
    header: Vec<u8>,
    left: usize,
    raw: bool,
}

impl Demultiplexer {
    /// For a container with a terminal, whose log has no frames.
    pub(crate) fn passthrough() -> Self {
        Self {
            raw: true,
            ..Self::default()
        }
    }

    /// Hands the payload in `bytes` to `take`. From the first byte that cannot be a frame on, everything is payload.
    pub(crate) fn push(&mut self, mut bytes: &[u8], take: &mut dyn FnMut(&[u8])) {
        while !bytes.is_empty() {
            if self.raw {
                take(bytes);
                return;
            }
            if self.left > 0 {
                let (part, rest) = bytes.split_at(self.left.min(bytes.len()));
                take(part);
                self.left -= part.len();
                bytes = rest;
                continue;
            }
            let (part, rest) = bytes.split_at((8 - self.header.len()).min(bytes.len()));
            self.header.extend_from_slice(part);
            bytes = rest;
            match *self.header.as_slice() {
                [0..=2, 0, 0, 0, a, b, c, d] => {
                    self.left = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
                    self.header.clear();
                }
                [0..=2] | [0..=2, 0] | [0..=2, 0, 0] | [0..=2, 0, 0, 0, ..] => {}
                _ => {
                    self.raw = true;
                    take(&std::mem::take(&mut self.header));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(stream: u8, text: &str) -> Vec<u8> {
        let mut bytes = vec![stream, 0, 0, 0];
        bytes.extend((text.len() as u32).to_be_bytes());
        bytes.extend(text.as_bytes());
        bytes
    }

    fn read(mut demultiplexer: Demultiplexer, bytes: &[u8], size: usize) -> String {
        let mut out = Vec::new();
        for part in bytes.chunks(size) {
            demultiplexer.push(part, &mut |text| out.extend_from_slice(text));
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn both_streams_come_out_in_order_however_the_bytes_arrive() {
        let bytes = [
            frame(1, "started\n"),
            frame(2, "cannot listen\n"),
            frame(1, ""),
            frame(1, "again\n"),
        ]
        .concat();
        for size in [1, 3, 8, 1000] {
            assert_eq!(
                read(Demultiplexer::default(), &bytes, size),
                "started\ncannot listen\nagain\n",
                "{size}"
            );
        }
    }

    #[test]
    fn a_terminal_has_no_frames() {
        assert_eq!(
            read(Demultiplexer::passthrough(), b"\x01\0\0\0 is text here\r\n", 4),
            "\x01\0\0\0 is text here\r\n"
        );
    }

    #[test]
    fn text_without_frames_passes_whole() {
        for size in [1, 5, 1000] {
            assert_eq!(
                read(Demultiplexer::default(), b"2026-11-21T10:00:00Z no frames\n", size),
                "2026-11-21T10:00:00Z no frames\n"
            );
        }
    }

    #[test]
    fn a_frame_that_promises_more_than_comes_gives_what_came() {
        assert_eq!(
            read(Demultiplexer::default(), b"\x01\0\0\0\xff\xff\xff\xffcut", 2),
            "cut"
        );
    }
}
