//! The receiving side of the text protocols, classic and meta, as the checks play it: it asserts that each look makes
//! progress or asks for more, takes no more than there is, and that what passes keeps the promises that the store
//! relies on. What it understood it keeps in words, so that two ways of tearing a stream can be compared.

use super::check_key;
use super::pending::Pending;
use fastrand::Rng;
use larder::protocol::base64_key::KeyBuffer;
use larder::protocol::limits::{
    KEYS_PART_BYTES, LINE_MAX_BYTES, META_OPAQUE_MAX_BYTES, VALUE_INLINE_MAX_BYTES, VALUE_LENGTH_MAX,
};
use larder::protocol::meta_request::MetaArguments;
use larder::protocol::{Decoded, Keys, Refusal, Request, Retrieval, StorageHeader, TextDecoder};

/// More than this is never kept while more is asked for.
const KEPT_MAX: usize = if KEYS_PART_BYTES > LINE_MAX_BYTES + VALUE_INLINE_MAX_BYTES + 4 {
    KEYS_PART_BYTES
} else {
    LINE_MAX_BYTES + VALUE_INLINE_MAX_BYTES + 4
};

/// A connection's part in the protocol, played by chance or to the letter.
pub struct Receiver {
    decoder: TextDecoder,
    pending: Pending,
    /// What was understood, in words.
    pub heard: Vec<String>,
    pub closed: bool,
    /// How much had been heard when a line announced a value without a length that can be read. What comes behind
    /// means one thing or another by whether it came along with that line.
    pub certain: Option<usize>,
    /// Sometimes drop a value instead of taking it, leave keys for later, or refuse them.
    moody: Option<Rng>,
}

impl Receiver {
    pub fn new(moody: Option<Rng>) -> Receiver {
        Receiver {
            decoder: TextDecoder::default(),
            pending: Pending::default(),
            heard: Vec::new(),
            closed: false,
            certain: None,
            moody,
        }
    }

    /// Bytes that were received and not consumed.
    pub fn pending_len(&self) -> usize {
        self.pending.bytes().len()
    }

    fn in_mood(&mut self) -> bool {
        self.moody.as_mut().is_some_and(|rng| rng.u32(..4) == 0)
    }

    pub fn receive(&mut self, bytes: &[u8]) {
        self.pending.add(bytes);
        while !self.closed && self.pending.take_value() && self.look() {}
    }

    /// One look; false if there is nothing to do before more comes.
    fn look(&mut self) -> bool {
        let mut pending = std::mem::take(&mut self.pending);
        let bytes = pending.bytes();
        let mut to_take = 0;
        let at_a_line = self.decoder.is_between_requests();
        let consumed = match self.decoder.decode(bytes) {
            Decoded::NeedMore => {
                assert!(bytes.len() <= KEPT_MAX, "{} bytes kept", bytes.len());
                self.pending = pending;
                return false;
            }
            Decoded::Close { reply } => {
                self.heard.push(format!("close {reply:?}"));
                self.closed = true;
                self.pending = pending;
                return false;
            }
            Decoded::Refused { reply, consumed } => {
                self.heard.extend(reply.map(|refusal| format!("{refusal:?}")));
                if at_a_line && reply == Some(Refusal::BadLine) && !self.decoder.is_between_requests() {
                    self.certain.get_or_insert(self.heard.len());
                }
                consumed
            }
            Decoded::Request { request, consumed } => consumed - self.hear(&request),
            Decoded::ReceiveValue { header, consumed } => {
                self.hear_header(&header);
                assert!(header.value_len > VALUE_INLINE_MAX_BYTES);
                if self.in_mood() {
                    self.decoder.discard_value(header.value_len, None);
                } else {
                    to_take = header.value_len;
                }
                consumed
            }
            Decoded::ReceiveMetaValue { header, consumed } => {
                self.hear_meta(&header.meta);
                assert!((VALUE_INLINE_MAX_BYTES + 1..=VALUE_LENGTH_MAX as usize).contains(&header.value_len));
                if self.in_mood() {
                    self.decoder.discard_value(header.value_len, None);
                } else {
                    to_take = header.value_len;
                }
                consumed
            }
            Decoded::ValueEnd { intact, consumed } => {
                self.heard.push(format!("value {intact}"));
                consumed
            }
        };
        pending.consume(consumed);
        pending.expect_value(to_take);
        self.pending = pending;
        true
    }

    /// Checks a request; returns how many bytes of it are to stay.
    fn hear(&mut self, request: &Request<'_>) -> usize {
        match request {
            Request::Retrieval(retrieval) => return self.hear_keys(retrieval),
            Request::Store { header, value } => {
                assert_eq!(value.len(), header.value_len);
                self.hear_header(header);
            }
            Request::Delete { key, .. } | Request::Arithmetic { key, .. } | Request::Touch { key, .. } => {
                check_key(key);
                self.heard.push(format!("{request:?}"));
            }
            Request::MetaStore { header, value } => {
                assert_eq!(value.len(), header.value_len);
                self.hear_meta(&header.meta);
            }
            Request::MetaGet { meta }
            | Request::MetaDelete { meta }
            | Request::MetaArithmetic { meta, .. }
            | Request::MetaDescribe { meta } => self.hear_meta(meta),
            _ => self.heard.push(format!("{request:?}")),
        }
        0
    }

    /// A key that came as base64 may hold any bytes, but no more than others.
    fn hear_meta(&mut self, meta: &MetaArguments<'_>) {
        let mut room = KeyBuffer::default();
        let key = meta.key(&mut room);
        if meta.has(b'b') {
            assert!((1..=186).contains(&key.len()), "a key of {} bytes", key.len());
        } else {
            check_key(key);
        }
        let mut letters = 0_u128;
        for word in meta.returned() {
            assert!(
                word[0].is_ascii_alphabetic() && (word[0] != b'O' || word.len() <= META_OPAQUE_MAX_BYTES)
            );
            let letter = 1 << word[0];
            assert!(letters & letter == 0, "a flag comes twice");
            letters |= letter;
        }
        self.heard.push(format!("{meta:?}"));
    }

    fn hear_keys(&mut self, retrieval: &Retrieval<'_>) -> usize {
        let mut keys = Keys::new(retrieval.keys);
        while let Some(key) = keys.next() {
            match key {
                Ok(key) => {
                    check_key(key);
                    self.heard.push(format!("key {}", key.escape_ascii()));
                }
                Err(refusal) => {
                    self.heard.push(format!("{refusal:?}"));
                    self.decoder.discard_keys(retrieval);
                    return 0;
                }
            }
            if keys.remaining_bytes() > 0 && self.in_mood() {
                return self.decoder.resume_keys(retrieval, keys.remaining_bytes());
            }
        }
        if retrieval.last {
            self.heard.push("last key".to_owned());
        }
        0
    }

    fn hear_header(&mut self, header: &StorageHeader<'_>) {
        check_key(header.key);
        assert!(header.value_len <= VALUE_LENGTH_MAX as usize);
        self.heard.push(format!("{header:?}"));
    }
}
