//! The portal's icons and its mark, as inline SVG.
//!
//! The shapes of [`IconName`] are copied from Lucide (lucide-static 1.62.0), ISC License, Copyright (c) 2026 Lucide
//! Icons and Contributors, some of them from Feather, MIT License, Copyright (c) 2013-present Cole Bemis; the whole
//! text stands in `docs/licences/lucide.txt`. The mark is our own drawing.
//!
//! An icon stands beside words, or inside something that has a label; it is hidden from screen readers itself.
//! Colour, size and stroke come from the class `icon` in `style/main.css`.

use leptos::prelude::*;

/// Which icon [`Icon`] draws. Constants and no enum, so that the browser gets only those that its islands name.
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
    /// A clock: waiting, time.
    pub const Clock: Self = Self(
        "<circle cx='12' cy='12' r='10'/><path d='M12 6v6l4 2'/>",
    );
    /// A shield: administrators.
    pub const Shield: Self = Self(
        "<path d='M20 13c0 5-3.5 7.5-7.66 8.95a1 1 0 0 1-.67-.01C7.5 20.5 4 18 4 13V6a1 1 0 0 1 1-1c2 0 4.5-1.2 6.24-2.72a1.17 1.17 0 0 1 1.52 0C14.51 3.81 17 5 19 5a1 1 0 0 1 1 1z'/>",
    );
    /// A shield struck through: no longer an administrator.
    pub const ShieldOff: Self = Self(
        "<path d='m2 2 20 20'/><path d='M5 5a1 1 0 0 0-1 1v7c0 5 3.5 7.5 7.67 8.94a1 1 0 0 0 .67.01c2.35-.82 4.48-1.97 5.9-3.71'/><path d='M9.309 3.652A12.252 12.252 0 0 0 11.24 2.28a1.17 1.17 0 0 1 1.52 0C14.51 3.81 17 5 19 5a1 1 0 0 1 1 1v7a9.784 9.784 0 0 1-.08 1.264'/>",
    );
    /// An envelope: mail, an address.
    pub const Mail: Self = Self(
        "<path d='m22 7-8.991 5.727a2 2 0 0 1-2.009 0L2 7'/><rect x='2' y='4' width='20' height='16' rx='2'/>",
    );
    /// An envelope with a tick: the address is confirmed.
    pub const MailCheck: Self = Self(
        "<path d='M22 13V6a2 2 0 0 0-2-2H4a2 2 0 0 0-2 2v12c0 1.1.9 2 2 2h8'/><path d='m22 7-8.97 5.7a1.94 1.94 0 0 1-2.06 0L2 7'/><path d='m16 19 2 2 4-4'/>",
    );
    /// An envelope with a mark: the address is not confirmed yet, or a mail was given up.
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
    /// A person and a plus: create an account.
    pub const UserPlus: Self = Self(
        "<path d='M16 21v-2a4 4 0 0 0-4-4H6a4 4 0 0 0-4 4v2'/><circle cx='9' cy='7' r='4'/><line x1='19' x2='19' y1='8' y2='14'/><line x1='22' x2='16' y1='11' y2='11'/>",
    );
    /// A person and a tick: approved.
    pub const UserCheck: Self = Self(
        "<path d='m16 11 2 2 4-4'/><path d='M16 21v-2a4 4 0 0 0-4-4H6a4 4 0 0 0-4 4v2'/><circle cx='9' cy='7' r='4'/>",
    );
    /// A person and a cross: rejected.
    pub const UserX: Self = Self(
        "<path d='M16 21v-2a4 4 0 0 0-4-4H6a4 4 0 0 0-4 4v2'/><circle cx='9' cy='7' r='4'/><line x1='17' x2='22' y1='8' y2='13'/><line x1='22' x2='17' y1='8' y2='13'/>",
    );
    /// Two people: everybody.
    pub const Users: Self = Self(
        "<path d='M16 21v-2a4 4 0 0 0-4-4H6a4 4 0 0 0-4 4v2'/><path d='M16 3.128a4 4 0 0 1 0 7.744'/><path d='M22 21v-2a4 4 0 0 0-3-3.87'/><circle cx='9' cy='7' r='4'/>",
    );
    /// An arrow into a door: sign in.
    pub const LogIn: Self = Self(
        "<path d='m10 17 5-5-5-5'/><path d='M15 12H3'/><path d='M15 3h4a2 2 0 0 1 2 2v14a2 2 0 0 1-2 2h-4'/>",
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
    /// A telephone: a session on one.
    pub const Smartphone: Self = Self(
        "<rect width='14' height='20' x='5' y='2' rx='2' ry='2'/><path d='M12 18h.01'/>",
    );
    /// An eye: show the password.
    pub const Eye: Self = Self(
        "<path d='M2.062 12.348a1 1 0 0 1 0-.696 10.75 10.75 0 0 1 19.876 0 1 1 0 0 1 0 .696 10.75 10.75 0 0 1-19.876 0'/><circle cx='12' cy='12' r='3'/>",
    );
    /// An eye struck through: hide the password.
    pub const EyeOff: Self = Self(
        "<path d='M10.733 5.076a10.744 10.744 0 0 1 11.205 6.575 1 1 0 0 1 0 .696 10.747 10.747 0 0 1-1.444 2.49'/><path d='M14.084 14.158a3 3 0 0 1-4.242-4.242'/><path d='M17.479 17.499a10.75 10.75 0 0 1-15.417-5.151 1 1 0 0 1 0-.696 10.75 10.75 0 0 1 4.446-5.143'/><path d='m2 2 20 20'/>",
    );
    /// A tick in a circle: it went well.
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
    /// An i in a circle: to know.
    pub const Info: Self = Self(
        "<circle cx='12' cy='12' r='10'/><path d='M12 16v-4'/><path d='M12 8h.01'/>",
    );
    /// A question mark in a circle: a question was asked, help.
    pub const HelpCircle: Self = Self(
        "<circle cx='12' cy='12' r='10'/><path d='M9.09 9a3 3 0 0 1 5.83 1c0 2-3 3-3 3'/><path d='M12 17h.01'/>",
    );
    /// An arrow to the left: back.
    pub const ArrowLeft: Self = Self(
        "<path d='m12 19-7-7 7-7'/><path d='M19 12H5'/>",
    );
    /// An arrow to the right: on.
    pub const ArrowRight: Self = Self(
        "<path d='M5 12h14'/><path d='m12 5 7 7-7 7'/>",
    );
    /// An angle to the left: the page before.
    pub const ChevronLeft: Self = Self(
        "<path d='m15 18-6-6 6-6'/>",
    );
    /// An angle to the right: the next page, a step in.
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
    /// A key: passwords, ways to sign in.
    pub const KeyRound: Self = Self(
        "<path d='M2.586 17.414A2 2 0 0 0 2 18.828V21a1 1 0 0 0 1 1h3a1 1 0 0 0 1-1v-1a1 1 0 0 1 1-1h1a1 1 0 0 0 1-1v-1a1 1 0 0 1 1-1h.172a2 2 0 0 0 1.414-.586l.814-.814a6.5 6.5 0 1 0-4-4z'/><circle cx='16.5' cy='7.5' r='.5' fill='currentColor'/>",
    );
    /// A padlock: not allowed.
    pub const Lock: Self = Self(
        "<rect width='18' height='11' x='3' y='11' rx='2' ry='2'/><path d='M7 11V7a5 5 0 0 1 10 0v4'/>",
    );
    /// An open door: let in, approve.
    pub const DoorOpen: Self = Self(
        "<path d='M10 21H2'/><path d='M10 3H7a2 2 0 00-2 2v16'/><path d='M14 12h.01'/><path d='M19 21V5a2 2 0 00-1.675-1.974l-6.163-1.013A1 1 0 0010 3v18a1 1 0 001.124.992z'/><path d='M22 21h-3'/>",
    );
    /// A closed door: not found, nobody waits.
    pub const DoorClosed: Self = Self(
        "<path d='M19 21V5a2 2 0 00-2-2H7a2 2 0 00-2 2v16'/><path d='M2 21h20'/><path d='M9 12h.01'/>",
    );
    /// An arrow turning back: reactivate, try again.
    pub const RotateCcw: Self = Self(
        "<path d='M3 12a9 9 0 1 0 9-9 9.75 9.75 0 0 0-6.74 2.74L3 8'/><path d='M3 3v5h5'/>",
    );
    /// An arrow going back: undo.
    pub const Undo: Self = Self(
        "<path d='M9 14 4 9l5-5'/><path d='M4 9h10.5a5.5 5.5 0 0 1 5.5 5.5a5.5 5.5 0 0 1-5.5 5.5H11'/>",
    );
    /// Two arrows in a circle: load again.
    pub const Refresh: Self = Self(
        "<path d='M3 12a9 9 0 0 1 9-9 9.75 9.75 0 0 1 6.74 2.74L21 8'/><path d='M21 3v5h-5'/><path d='M21 12a9 9 0 0 1-9 9 9.75 9.75 0 0 1-6.74-2.74L3 16'/><path d='M8 16H3v5'/>",
    );
    /// A circle struck through: deactivate.
    pub const Ban: Self = Self(
        "<circle cx='12' cy='12' r='10'/><path d='M4.929 4.929 19.07 19.071'/>",
    );
    /// A pause sign in a circle: hold.
    pub const Pause: Self = Self(
        "<circle cx='12' cy='12' r='10'/><line x1='10' x2='10' y1='15' y2='9'/><line x1='14' x2='14' y1='15' y2='9'/>",
    );
    /// An empty tray: nothing here.
    pub const Inbox: Self = Self(
        "<polyline points='22 12 16 12 14 15 10 15 8 12 2 12'/><path d='M5.45 5.11 2 12v6a2 2 0 0 0 2 2h16a2 2 0 0 0 2-2v-6l-3.45-6.89A2 2 0 0 0 16.76 4H7.24a2 2 0 0 0-1.79 1.11z'/>",
    );
    /// A magnifying glass: search.
    pub const Search: Self = Self(
        "<path d='m21 21-4.34-4.34'/><circle cx='11' cy='11' r='8'/>",
    );
    /// A clock turning back: history.
    pub const History: Self = Self(
        "<path d='M3 12a9 9 0 1 0 9-9 9.75 9.75 0 0 0-6.74 2.74L3 8'/><path d='M3 3v5h5'/><path d='M12 7v5l4 2'/>",
    );
    /// An arrow out of a box: another site.
    pub const ExternalLink: Self = Self(
        "<path d='M15 3h6v6'/><path d='M10 14 21 3'/><path d='M18 13v6a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V8a2 2 0 0 1 2-2h6'/>",
    );
    /// A lifebuoy: whom to ask.
    pub const LifeBuoy: Self = Self(
        "<circle cx='12' cy='12' r='10'/><path d='m4.93 4.93 4.24 4.24'/><path d='m14.83 9.17 4.24-4.24'/><path d='m14.83 14.83 4.24 4.24'/><path d='m9.17 14.83-4.24 4.24'/><circle cx='12' cy='12' r='4'/>",
    );
    /// A pencil: change.
    pub const Pencil: Self = Self(
        "<path d='M21.174 6.812a1 1 0 0 0-3.986-3.987L3.842 16.174a2 2 0 0 0-.5.83l-1.321 4.352a.5.5 0 0 0 .623.622l4.353-1.32a2 2 0 0 0 .83-.497z'/><path d='m15 5 4 4'/>",
    );
    /// A bin: delete.
    pub const Trash: Self = Self(
        "<path d='M10 11v6'/><path d='M14 11v6'/><path d='M19 6v14a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2V6'/><path d='M3 6h18'/><path d='M8 6V4a2 2 0 0 1 2-2h4a2 2 0 0 1 2 2v2'/>",
    );
    /// A wrench: our fault, being mended.
    pub const Wrench: Self = Self(
        "<path d='M14.7 6.3a1 1 0 0 0 0 1.4l1.6 1.6a1 1 0 0 0 1.4 0l3.106-3.105c.32-.322.863-.22.983.218a6 6 0 0 1-8.259 7.057l-7.91 7.91a1 1 0 0 1-2.999-3l7.91-7.91a6 6 0 0 1 7.057-8.259c.438.12.54.662.219.984z'/>",
    );
}

/// One icon: as tall as 1.25 lines of the text beside it, in that text's colour.
#[component]
pub fn Icon(
    /// Which one.
    name: IconName,
) -> impl IntoView {
    let shapes = name.0;
    view! { <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" inner_html=shapes /> }
}

/// The mark of Vestibule: a doorway, and the light that falls out of it.
#[component]
pub fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
            <rect class="mark-ground" width="32" height="32" rx="7" />
            <path class="mark-door" d="M10.5 22V12a5.5 5.5 0 0 1 11 0v10z" />
            <path class="mark-light" d="M10.5 22h11l5 10h-21z" />
        </svg>
    }
}

/// Microsoft's four squares, in the colours that its branding rules for sign-in buttons give.
#[component]
pub fn MicrosoftMark() -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 21 21" aria-hidden="true">
            <path stroke="none" fill="#f25022" d="M1 1h9v9H1z" />
            <path stroke="none" fill="#00a4ef" d="M1 11h9v9H1z" />
            <path stroke="none" fill="#7fba00" d="M11 1h9v9h-9z" />
            <path stroke="none" fill="#ffb900" d="M11 11h9v9h-9z" />
        </svg>
    }
}
