//! The undecoded input of a receiver.

/// Received bytes that are not consumed, and the due bytes of a large value among them.
#[derive(Default)]
pub struct Pending {
    /// Received bytes, consumed up to `at`.
    bytes: Vec<u8>,
    at: usize,
    value_bytes_due: usize,
}

impl Pending {
    /// The bytes that are not consumed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    /// Appends input.
    pub fn add(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Consumes bytes at the front; asserts that there is progress, and that the bytes exist.
    pub fn consume(&mut self, consumed: usize) {
        let there = self.bytes().len();
        assert!((1..=there).contains(&consumed), "{consumed} of {there} bytes");
        self.at += consumed;
    }

    /// The next `value_len` bytes are a large value.
    pub fn expect_value(&mut self, value_len: usize) {
        self.value_bytes_due = value_len;
    }

    /// Consumes the received bytes of a large value; false if it is incomplete.
    pub fn take_value(&mut self) -> bool {
        let taken = self.value_bytes_due.min(self.bytes().len());
        self.at += taken;
        self.value_bytes_due -= taken;
        self.value_bytes_due == 0
    }
}
