//! Frames that wait for one client.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// What a waiting frame costs beside its bytes: its entry. So that any number of empty frames is not free.
const ENTRY_BYTES: usize = size_of::<Bytes>();

/// Frames in order. Empty, it owns no memory.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    frames: VecDeque<Bytes>,
    bytes: usize,
    /// A part of the first frame has left, so that the rest must.
    begun: bool,
}

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// What waits, with what the entries cost.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether `frame` may wait, too, if `bytes_max` may. Something may always wait.
    pub(crate) fn has_room_for(&self, frame: &Bytes, bytes_max: usize) -> bool {
        self.is_empty() || self.bytes + frame.len() + ENTRY_BYTES <= bytes_max
    }

    pub(crate) fn push(&mut self, frame: Bytes) {
        self.bytes += frame.len() + ENTRY_BYTES;
        self.frames.push_back(frame);
    }

    /// Pushes what is left of a frame whose beginning has left.
    pub(crate) fn push_rest(&mut self, rest: Bytes) {
        debug_assert!(self.is_empty(), "frames leave one after the other");
        self.begun = true;
        self.push(rest);
    }

    /// The first of what waits; how many slices were filled.
    pub(crate) fn slices<'a>(&'a self, into: &mut [IoSlice<'a>]) -> usize {
        let count = into.len().min(self.frames.len());
        for (slice, frame) in into.iter_mut().zip(&self.frames) {
            *slice = IoSlice::new(frame);
        }
        count
    }

    /// So many bytes have left.
    pub(crate) fn advance(&mut self, mut left: usize) {
        self.bytes -= left;
        while let Some(first) = self.frames.front_mut() {
            if left < first.len() {
                self.begun |= left > 0;
                first.advance(left);
                return;
            }
            left -= first.len();
            self.bytes -= ENTRY_BYTES;
            self.begun = false;
            self.frames.pop_front();
        }
        self.frames = VecDeque::new();
    }

    /// Drops what has not begun to leave: what is sent after it is still understood.
    pub(crate) fn drop_unsent(&mut self) {
        let begun = if self.begun { self.frames.pop_front() } else { None };
        self.clear();
        if let Some(rest) = begun {
            self.push_rest(rest);
        }
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(frames: &[&'static str]) -> Queue {
        let mut queue = Queue::default();
        for frame in frames {
            queue.push(Bytes::from_static(frame.as_bytes()));
        }
        queue
    }

    fn text(queue: &Queue) -> String {
        let mut slices = [IoSlice::new(&[]); 8];
        let count = queue.slices(&mut slices);
        let texts: Vec<_> = slices[..count].iter().map(|slice| String::from_utf8_lossy(slice)).collect();
        texts.join("|")
    }

    #[test]
    fn leaves_in_order_by_any_number_of_bytes() {
        let whole = "abcdefghi";
        for step in 1..=whole.len() {
            let mut queue = queue(&["abc", "", "def", "ghi"]);
            assert_eq!(queue.bytes(), whole.len() + 4 * ENTRY_BYTES);
            let mut left = String::new();
            while left.len() < whole.len() {
                let some = step.min(whole.len() - left.len());
                left.push_str(&text(&queue).replace('|', "")[..some]);
                queue.advance(some);
            }
            assert_eq!((left.as_str(), queue.bytes()), (whole, 0));
            assert!(queue.is_empty() && queue.frames.capacity() == 0);
        }
    }

    #[test]
    fn what_has_begun_to_leave_is_kept() {
        let mut queue = queue(&["abc", "def"]);
        queue.drop_unsent();
        assert!(queue.is_empty() && queue.bytes() == 0);

        let mut queue = self::queue(&["abc", "def", "ghi"]);
        queue.advance(4);
        queue.drop_unsent();
        assert_eq!((text(&queue).as_str(), queue.bytes()), ("ef", 2 + ENTRY_BYTES));
        queue.push(Bytes::from_static(b"close"));
        assert_eq!(text(&queue), "ef|close");
        queue.advance(2);
        queue.drop_unsent();
        assert!(queue.is_empty());
    }

    #[test]
    fn counts_entries_and_lets_one_frame_of_any_length_wait() {
        let frame = Bytes::from_static(&[0; 100]);
        let mut queue = Queue::default();
        assert!(queue.has_room_for(&frame, 10));
        queue.push(frame.clone());
        let two = 2 * (100 + ENTRY_BYTES);
        assert!(queue.has_room_for(&frame, two) && !queue.has_room_for(&frame, two - 1));
        assert!(!queue.has_room_for(&Bytes::new(), 100 + ENTRY_BYTES));
    }
}
