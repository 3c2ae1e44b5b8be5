//! The `Date` header of answers that do not go through hyper.

use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110, section 5.6.7).
const DATE_BYTES: usize = 29;

thread_local! {
    static LAST: Cell<(u64, [u8; DATE_BYTES])> = const { Cell::new((0, [0; DATE_BYTES])) };
}

/// Appends the date of now; formats it once a second.
pub fn write_date(out: &mut Vec<u8>) {
    let second = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (known, mut text) = LAST.get();
    if known != second || second == 0 {
        let date = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(second));
        if let Ok(bytes) = date.as_bytes().try_into() {
            text = bytes;
        }
        LAST.set((second, text));
    }
    out.extend_from_slice(&text);
}
