//! The portal's icons and its logo mark, as inline SVG.
//!
//! The shapes of [`IconName`] are copied from Lucide (lucide-static 1.62.0), ISC License, Copyright (c) 2026 Lucide
//! Icons and Contributors, some of them from Feather, MIT License, Copyright (c) 2013-present Cole Bemis. The full
//! text is in `docs/licences/lucide.txt`. The mark is our own drawing.
//!
//! An icon is next to text, or inside an element that has a label, because icons are hidden from screen readers.
//! Colour, size and stroke come from the utility `icon` in `style/main.css`.

use leptos::prelude::*;

/// The shapes of an icon. Constants instead of an enum, so that the browser downloads only the icons that islands use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IconName(&'static str);

#[allow(non_upper_case_globals, reason = "they are used as the variants of an enum would be")]
#[rustfmt::skip]
impl IconName {
    /// A tick: done, confirmed.
    pub const Check: Self = Self(
        "<path d='M20 6 9 17l-5-5'/>",
    );
    /// A cross: close, reject.
    pub const X: Self = Self(
        "<path d='M18 6 6 18'/><path d='m6 6 12 12'/>",
    );
    /// A circle with an i: information.
    pub const Info: Self = Self(
        "<circle cx='12' cy='12' r='10'/><path d='M12 16v-4'/><path d='M12 8h.01'/>",
    );
    /// A clock: pending, time.
    pub const Clock: Self = Self(
        "<circle cx='12' cy='12' r='10'/><path d='M12 6v6l4 2'/>",
    );
    /// A shield: administrators.
    pub const Shield: Self = Self(
        "<path d='M20 13c0 5-3.5 7.5-7.66 8.95a1 1 0 0 1-.67-.01C7.5 20.5 4 18 4 13V6a1 1 0 0 1 1-1c2 0 4.5-1.2 6.24-2.72a1.17 1.17 0 0 1 1.52 0C14.51 3.81 17 5 19 5a1 1 0 0 1 1 1z'/>",
    );
    /// A shield struck through: remove the administrator role.
    pub const ShieldOff: Self = Self(
        "<path d='m2 2 20 20'/><path d='M5 5a1 1 0 0 0-1 1v7c0 5 3.5 7.5 7.67 8.94a1 1 0 0 0 .67.01c2.35-.82 4.48-1.97 5.9-3.71'/><path d='M9.309 3.652A12.252 12.252 0 0 0 11.24 2.28a1.17 1.17 0 0 1 1.52 0C14.51 3.81 17 5 19 5a1 1 0 0 1 1 1v7a9.784 9.784 0 0 1-.08 1.264'/>",
    );
    /// An envelope with a tick: the email address is confirmed.
    pub const MailCheck: Self = Self(
        "<path d='M22 13V6a2 2 0 0 0-2-2H4a2 2 0 0 0-2 2v12c0 1.1.9 2 2 2h8'/><path d='m22 7-8.97 5.7a1.94 1.94 0 0 1-2.06 0L2 7'/><path d='m16 19 2 2 4-4'/>",
    );
    /// An envelope with an exclamation mark: the email address is not confirmed, or an email failed.
    pub const MailWarning: Self = Self(
        "<path d='M22 10.5V6a2 2 0 0 0-2-2H4a2 2 0 0 0-2 2v12c0 1.1.9 2 2 2h12.5'/><path d='m22 7-8.97 5.7a1.94 1.94 0 0 1-2.06 0L2 7'/><path d='M20 14v4'/><path d='M20 22v.01'/>",
    );
    /// A paper plane: send, send again.
    pub const Send: Self = Self(
        "<path d='M14.536 21.686a.5.5 0 0 0 .937-.024l6.5-19a.496.496 0 0 0-.635-.635l-19 6.5a.5.5 0 0 0-.024.937l7.93 3.18a2 2 0 0 1 1.112 1.11z'/><path d='m21.854 2.147-10.94 10.939'/>",
    );
    /// A person: the account.
    pub const User: Self = Self(
        "<path d='M19 21v-2a4 4 0 0 0-4-4H9a4 4 0 0 0-4 4v2'/><circle cx='12' cy='7' r='4'/>",
    );
    /// An arrow out of a door: sign out.
    pub const LogOut: Self = Self(
        "<path d='m16 17 5-5-5-5'/><path d='M21 12H9'/><path d='M9 21H5a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2h4'/>",
    );
    /// A sun: the light theme.
    pub const Sun: Self = Self(
        "<circle cx='12' cy='12' r='4'/><path d='M12 2v2'/><path d='M12 20v2'/><path d='m4.93 4.93 1.41 1.41'/><path d='m17.66 17.66 1.41 1.41'/><path d='M2 12h2'/><path d='M20 12h2'/><path d='m6.34 17.66-1.41 1.41'/><path d='m19.07 4.93-1.41 1.41'/>",
    );
    /// A moon: the dark theme.
    pub const Moon: Self = Self(
        "<path d='M20.985 12.486a9 9 0 1 1-9.473-9.472c.405-.022.617.46.402.803a6 6 0 0 0 8.268 8.268c.344-.215.825-.004.803.401'/>",
    );
    /// A screen: the system's theme, a computer.
    pub const Monitor: Self = Self(
        "<rect width='20' height='14' x='2' y='3' rx='2'/><line x1='8' x2='16' y1='21' y2='21'/><line x1='12' x2='12' y1='17' y2='21'/>",
    );
    /// An eye: show the password.
    pub const Eye: Self = Self(
        "<path d='M2.062 12.348a1 1 0 0 1 0-.696 10.75 10.75 0 0 1 19.876 0 1 1 0 0 1 0 .696 10.75 10.75 0 0 1-19.876 0'/><circle cx='12' cy='12' r='3'/>",
    );
    /// An eye struck through: hide the password.
    pub const EyeOff: Self = Self(
        "<path d='M10.733 5.076a10.744 10.744 0 0 1 11.205 6.575 1 1 0 0 1 0 .696 10.747 10.747 0 0 1-1.444 2.49'/><path d='M14.084 14.158a3 3 0 0 1-4.242-4.242'/><path d='M17.479 17.499a10.75 10.75 0 0 1-15.417-5.151 1 1 0 0 1 0-.696 10.75 10.75 0 0 1 4.446-5.143'/><path d='m2 2 20 20'/>",
    );
    /// A tick in a circle: success.
    pub const CheckCircle: Self = Self(
        "<circle cx='12' cy='12' r='10'/><path d='m16 9-5.5 5.5L8 12'/>",
    );
    /// An exclamation mark in a circle: an error.
    pub const AlertCircle: Self = Self(
        "<circle cx='12' cy='12' r='10'/><line x1='12' x2='12' y1='8' y2='12'/><line x1='12' x2='12.01' y1='16' y2='16'/>",
    );
    /// An exclamation mark in a triangle: a warning.
    pub const AlertTriangle: Self = Self(
        "<path d='m21.73 18-8-14a2 2 0 0 0-3.48 0l-8 14A2 2 0 0 0 4 21h16a2 2 0 0 0 1.73-3'/><path d='M12 9v4'/><path d='M12 17h.01'/>",
    );
    /// An arrow to the left: back.
    pub const ArrowLeft: Self = Self(
        "<path d='m12 19-7-7 7-7'/><path d='M19 12H5'/>",
    );
    /// An angle to the right: the next page, details.
    pub const ChevronRight: Self = Self(
        "<path d='m9 18 6-6-6-6'/>",
    );
    /// An angle down: a menu opens.
    pub const ChevronDown: Self = Self(
        "<path d='m6 9 6 6 6-6'/>",
    );
    /// Three dots: more.
    pub const Ellipsis: Self = Self(
        "<circle cx='12' cy='12' r='1'/><circle cx='19' cy='12' r='1'/><circle cx='5' cy='12' r='1'/>",
    );
    /// A closed door: not found, no pending registrations.
    pub const DoorClosed: Self = Self(
        "<path d='M19 21V5a2 2 0 00-2-2H7a2 2 0 00-2 2v16'/><path d='M2 21h20'/><path d='M9 12h.01'/>",
    );
    /// An arrow turning back: reactivate, retry.
    pub const RotateCcw: Self = Self(
        "<path d='M3 12a9 9 0 1 0 9-9 9.75 9.75 0 0 0-6.74 2.74L3 8'/><path d='M3 3v5h5'/>",
    );
    /// A speech bubble with a question mark: ask a question.
    pub const MessageCircleQuestionMark: Self = Self(
        "<path d='M2.992 16.342a2 2 0 0 1 .094 1.167l-1.065 3.29a1 1 0 0 0 1.236 1.168l3.413-.998a2 2 0 0 1 1.099.092 10 10 0 1 0-4.777-4.719'/><path d='M9.09 9a3 3 0 0 1 5.83 1c0 2-3 3-3 3'/><path d='M12 17h.01'/>",
    );
    /// A circle struck through: deactivate.
    pub const Ban: Self = Self(
        "<circle cx='12' cy='12' r='10'/><path d='M4.929 4.929 19.07 19.071'/>",
    );
}

/// An icon, as tall as 1.25 lines of the text next to it and in the same colour.
#[component]
pub fn Icon(
    /// The name of the icon.
    name: IconName,
) -> impl IntoView {
    let shapes = name.0;
    view! { <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" inner_html=shapes /> }
}

/// The logo mark of Vestibule: a doorway with light falling out of it.
#[component]
pub fn Mark() -> impl IntoView {
    view! {
        <svg class="size-7 flex-none forced-color-adjust-none" viewBox="0 0 32 32" aria-hidden="true">
            <rect class="fill-primary" width="32" height="32" rx="7" />
            <path class="fill-primary-content" d="M10.5 22V12a5.5 5.5 0 0 1 11 0v10z" />
            <path class="fill-primary-content opacity-50" d="M10.5 22h11l5 10h-21z" />
        </svg>
    }
}

/// The Microsoft logo, in the colours that Microsoft's branding rules for sign-in buttons require.
#[component]
pub fn MicrosoftMark() -> impl IntoView {
    view! {
        <svg class="size-5 flex-none" viewBox="0 0 21 21" aria-hidden="true">
            <path fill="#f25022" d="M1 1h9v9H1z" />
            <path fill="#00a4ef" d="M1 11h9v9H1z" />
            <path fill="#7fba00" d="M11 1h9v9h-9z" />
            <path fill="#ffb900" d="M11 11h9v9h-9z" />
        </svg>
    }
}
