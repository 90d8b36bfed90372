//! Views that are rendered once, on the server.
//!
//! A page never changes in the browser, except for its islands. So its content is rendered to HTML where it is written. `AnyView` would
//! compile all methods of a view, also those for a browser or a stream, and each request would take more time
//! (docs/contribute/timings.md).

use leptos::children::{ChildrenOptContainer, ToChildren};
use leptos::prelude::*;
use leptos::tachys::html::InertElement;

/// Rendered content of a page. Like [`AnyView`], it is one type for all views, for example those of two branches.
pub type Rendered = InertElement;

/// Renders views.
pub trait IntoRendered {
    /// Renders this view to HTML. A `Suspense` in it shows its fallback, so its data is read before.
    fn rendered(self) -> Rendered;
}

impl<V: RenderHtml> IntoRendered for V {
    fn rendered(self) -> Rendered {
        InertElement::new(self.to_html())
    }
}

/// The children of a component, which renders them.
pub struct RenderedChildren(Box<dyn FnOnce() -> Rendered + Send>);

impl RenderedChildren {
    /// Renders the children.
    pub fn render(self) -> Rendered {
        (self.0)()
    }
}

impl<F, V> ToChildren<F> for RenderedChildren
where
    F: FnOnce() -> V + Send + 'static,
    V: RenderHtml,
{
    fn to_children(children: F) -> Self {
        Self(Box::new(move || children().rendered()))
    }
}

impl<V> ToChildren<ChildrenOptContainer<V>> for RenderedChildren
where
    V: RenderHtml + Send + 'static,
{
    fn to_children(children: ChildrenOptContainer<V>) -> Self {
        Self(Box::new(move || children.0.rendered()))
    }
}
