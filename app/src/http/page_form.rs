//! Forms of our own pages, in contrast to requests of other programs. Their refusals are shown in the tab that sent them.

/// The name of the hidden field that [`crate::islands::form::FormIsland`] adds to its form.
const FIELD: &[u8] = b"tab=yes";

/// Marks a request that has sent the form of a page.
#[derive(Clone, Copy, Debug)]
pub struct PageForm;

impl PageForm {
    /// Returns the mark if the body is the form of a page.
    pub fn find(body: &[u8]) -> Option<Self> {
        body.split(|byte| *byte == b'&').any(|pair| pair == FIELD).then_some(Self)
    }
}
