//! Any bytes as frames: they are read or refused, and what is read writes back the same frames.

#![no_main]

use bytes::Bytes;
use polysocket_protocol::frame::Frame;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(frames) = Frame::read_all(Bytes::copy_from_slice(bytes)) {
        let mut written = Vec::new();
        frames.iter().for_each(|frame| frame.write(&mut written));
        assert_eq!(Frame::read_all(written.into()).as_ref(), Ok(&frames));
    }
});
