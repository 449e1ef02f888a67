//! A receiver of the text protocols that checks each decoded request. It asserts that each call of the decoder makes
//! progress or needs more input, and that requests satisfy the preconditions of the store. It records the requests as
//! text, so that two splits of a stream can be compared.

use super::check_key;
use super::pending::Pending;
use fastrand::Rng;
use larder::protocol::base64_key::KeyBuffer;
use larder::protocol::limits::{
    KEYS_PART_BYTES, LINE_MAX_BYTES, META_OPAQUE_MAX_BYTES, VALUE_INLINE_MAX_BYTES, VALUE_LENGTH_MAX,
};
use larder::protocol::meta_request::MetaArguments;
use larder::protocol::{Decoded, Keys, Refusal, Request, Retrieval, StorageHeader, TextDecoder};

/// Most bytes for which the decoder may need more input.
const UNDECODED_MAX_BYTES: usize = if KEYS_PART_BYTES > LINE_MAX_BYTES + VALUE_INLINE_MAX_BYTES + 4 {
    KEYS_PART_BYTES
} else {
    LINE_MAX_BYTES + VALUE_INLINE_MAX_BYTES + 4
};

/// The caller of a decoder.
pub struct Receiver {
    decoder: TextDecoder,
    pending: Pending,
    /// The decoded requests and replies as text.
    pub events: Vec<String>,
    pub closed: bool,
    /// Number of events up to the first line with an invalid length. Later events depend on the split of the input.
    pub split_dependent_from: Option<usize>,
    /// Discards some values and stops at some keys, chosen at random.
    random_choices: Option<Rng>,
}

impl Receiver {
    pub fn new(random_choices: Option<Rng>) -> Receiver {
        Receiver {
            decoder: TextDecoder::default(),
            pending: Pending::default(),
            events: Vec::new(),
            closed: false,
            split_dependent_from: None,
            random_choices,
        }
    }

    /// Bytes that are not consumed yet.
    pub fn pending_len(&self) -> usize {
        self.pending.bytes().len()
    }

    fn chooses_refusal(&mut self) -> bool {
        self.random_choices.as_mut().is_some_and(|rng| rng.u32(..4) == 0)
    }

    pub fn receive(&mut self, bytes: &[u8]) {
        self.pending.add(bytes);
        while !self.closed && self.pending.take_value() && self.decode_next() {}
    }

    /// Decodes once; false if more input is needed.
    fn decode_next(&mut self) -> bool {
        let mut pending = std::mem::take(&mut self.pending);
        let bytes = pending.bytes();
        let mut value_bytes_due = 0;
        let at_a_line = self.decoder.is_between_requests();
        let consumed = match self.decoder.decode(bytes) {
            Decoded::NeedMore => {
                assert!(bytes.len() <= UNDECODED_MAX_BYTES, "{} bytes kept", bytes.len());
                self.pending = pending;
                return false;
            }
            Decoded::Close { reply } => {
                self.events.push(format!("close {reply:?}"));
                self.closed = true;
                self.pending = pending;
                return false;
            }
            Decoded::Refused { reply, consumed } => {
                self.events.extend(reply.map(|refusal| format!("{refusal:?}")));
                if at_a_line && reply == Some(Refusal::BadLine) && !self.decoder.is_between_requests() {
                    self.split_dependent_from.get_or_insert(self.events.len());
                }
                consumed
            }
            Decoded::Request { request, consumed } => consumed - self.check_request(&request),
            Decoded::ReceiveValue { header, consumed } => {
                self.check_header(&header);
                assert!(header.value_len > VALUE_INLINE_MAX_BYTES);
                if self.chooses_refusal() {
                    self.decoder.discard_value(header.value_len, None);
                } else {
                    value_bytes_due = header.value_len;
                }
                consumed
            }
            Decoded::ReceiveMetaValue { header, consumed } => {
                self.check_meta(&header.meta);
                assert!((VALUE_INLINE_MAX_BYTES + 1..=VALUE_LENGTH_MAX as usize).contains(&header.value_len));
                if self.chooses_refusal() {
                    self.decoder.discard_value(header.value_len, None);
                } else {
                    value_bytes_due = header.value_len;
                }
                consumed
            }
            Decoded::ValueEnd { intact, consumed } => {
                self.events.push(format!("value {intact}"));
                consumed
            }
        };
        pending.consume(consumed);
        pending.expect_value(value_bytes_due);
        self.pending = pending;
        true
    }

    /// Checks a request; returns how many of its bytes are not consumed.
    fn check_request(&mut self, request: &Request<'_>) -> usize {
        match request {
            Request::Retrieval(retrieval) => return self.check_keys(retrieval),
            Request::Store { header, value } => {
                assert_eq!(value.len(), header.value_len);
                self.check_header(header);
            }
            Request::Delete { key, .. } | Request::Arithmetic { key, .. } | Request::Touch { key, .. } => {
                check_key(key);
                self.events.push(format!("{request:?}"));
            }
            Request::MetaStore { header, value } => {
                assert_eq!(value.len(), header.value_len);
                self.check_meta(&header.meta);
            }
            Request::MetaGet { meta }
            | Request::MetaDelete { meta }
            | Request::MetaArithmetic { meta, .. }
            | Request::MetaDescribe { meta } => self.check_meta(meta),
            _ => self.events.push(format!("{request:?}")),
        }
        0
    }

    /// Checks key and flags of a meta command. A base64 key can contain any bytes.
    fn check_meta(&mut self, meta: &MetaArguments<'_>) {
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
        self.events.push(format!("{meta:?}"));
    }

    fn check_keys(&mut self, retrieval: &Retrieval<'_>) -> usize {
        let mut keys = Keys::new(retrieval.keys);
        while let Some(key) = keys.next() {
            match key {
                Ok(key) => {
                    check_key(key);
                    self.events.push(format!("key {}", key.escape_ascii()));
                }
                Err(refusal) => {
                    self.events.push(format!("{refusal:?}"));
                    self.decoder.discard_keys(retrieval);
                    return 0;
                }
            }
            if keys.remaining_bytes() > 0 && self.chooses_refusal() {
                return self.decoder.resume_keys(retrieval, keys.remaining_bytes());
            }
        }
        if retrieval.last {
            self.events.push("last key".to_owned());
        }
        0
    }

    fn check_header(&mut self, header: &StorageHeader<'_>) {
        check_key(header.key);
        assert!(header.value_len <= VALUE_LENGTH_MAX as usize);
        self.events.push(format!("{header:?}"));
    }
}
