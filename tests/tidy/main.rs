//! Rules of the source that a compiler does not check. Each file holds one kind of rule.

mod circles;
mod documents;
mod files;
mod layers;
mod licences;
mod sizes;
mod source;
mod words;
