//! What a receiving side has got and not used yet, whatever protocol it speaks.

/// Bytes received, and what of a long value is still to be taken from them unseen.
#[derive(Default)]
pub struct Pending {
    /// Received, and consumed up to `at`.
    bytes: Vec<u8>,
    at: usize,
    to_take: usize,
}

impl Pending {
    /// What was received and not consumed.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    /// More has come.
    pub fn add(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Consumes the front, by one look at it: that is progress, and no more than there is.
    pub fn consume(&mut self, consumed: usize) {
        let there = self.bytes().len();
        assert!((1..=there).contains(&consumed), "{consumed} of {there} bytes");
        self.at += consumed;
    }

    /// So many of the bytes that follow are a long value.
    pub fn expect_value(&mut self, value_len: usize) {
        self.to_take = value_len;
    }

    /// Takes what is there of a long value; false if some of it is still to come.
    pub fn take_value(&mut self) -> bool {
        let taken = self.to_take.min(self.bytes().len());
        self.at += taken;
        self.to_take -= taken;
        self.to_take == 0
    }
}
