//! Sparse files in a tar: the data is stored without its holes, behind or below a map of them.
//!
//! The holes are left out rather than filled: they are zeros and no evidence (a log that was truncated while its writer held an
//! offset starts with one), and a declared hole of terabytes costs its sender nothing.

use std::io::{self, Read};

use super::tar_stream::{Body, Stream, cut};

/// Skips the further map blocks of an old GNU sparse header; each says in its byte 504 whether another follows (tar.h,
/// `struct sparse_header`).
pub(super) fn skip_extended_headers(stream: &mut Stream<'_>) -> io::Result<()> {
    loop {
        let (block, there) = stream.block()?;
        if there < block.len() {
            return Err(cut());
        }
        if block.get(504).copied().unwrap_or_default() == 0 {
            return Ok(());
        }
    }
}

/// Skips the map that the pax sparse format 1.0 puts before the data: decimal numbers, one a line, the first saying how many pairs
/// follow, padded to a block (GNU tar manual, "PAX Format, Version 1.0").
pub(super) fn skip_map(body: &mut Body<'_, '_>) -> io::Result<()> {
    let mut pairs: u64 = 0;
    let mut lines: u64 = 0;
    let mut block = [0_u8; 512];
    loop {
        body.read_exact(&mut block)?;
        for byte in block {
            match byte {
                b'\n' => lines += 1,
                b'0'..=b'9' if lines == 0 => pairs = pairs.saturating_mul(10).saturating_add(u64::from(byte - b'0')),
                _ => {}
            }
            if lines > pairs.saturating_mul(2) {
                return Ok(());
            }
        }
    }
}
