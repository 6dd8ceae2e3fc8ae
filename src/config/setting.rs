//! What a setting is, and `settings!`, which declares those of a section.

use super::values::Values;

/// One setting: a row of a section's table.
pub struct Setting {
    /// Its name in the environment and in `.env`; in `denizen.toml` the same in lower case.
    pub name: &'static str,
    /// Other names that are read as this one.
    pub aliases: &'static [&'static str],
    /// The default as text; where it is computed, the words for it.
    pub default: &'static str,
    /// Computes the default from other settings or from the machine.
    pub computed: Option<fn(&Values) -> String>,
    /// Whether it is never shown, and may come from the file that `NAME_FILE` names.
    pub secret: bool,
    /// Whether an empty text is a value; otherwise it counts as not given.
    pub takes_empty: bool,
    /// What it takes, to be read after "set it to".
    pub allowed: fn() -> String,
    /// What it does: the comment above its row.
    pub about: &'static str,
}

impl Setting {
    /// All names it is read from, its own first.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

/// A section: the settings of one subject.
pub struct Section {
    /// Its heading in the reference.
    pub title: &'static str,
    /// The comment above its table.
    pub about: &'static str,
    /// Its settings, in the order of the table.
    pub settings: &'static [Setting],
}

/// The name of the variable that names the file which holds a secret.
pub(super) fn twin(name: &str) -> String {
    format!("{name}_FILE")
}

/// How the text of a setting becomes a value, and back.
pub(super) trait Kind {
    /// What the program works with.
    type Value;
    /// Whether the value is a secret; see [`Setting::secret`].
    const SECRET: bool = false;
    /// Whether an empty text is a value; see [`Setting::takes_empty`].
    const TAKES_EMPTY: bool = false;
    /// Reads a trimmed text; `None` when it is not [allowed](Kind::allowed).
    fn parse(text: &str) -> Option<Self::Value>;
    /// The value as text, masked when it is a secret.
    fn show(value: &Self::Value) -> String;
    /// What [`Kind::parse`] takes, to be read after "set it to".
    fn allowed() -> String;
}

/// Declares a section. A row reads `NAME | ALIAS => field: Type as Kind = "default";`. The kind is left out
/// where the type is its own; `from function` after the default computes it, and the text then only says how.
macro_rules! settings {
    ($(#[doc = $about:literal])+ $section:ident { $(
        $(#[doc = $text:literal])+
        $name:ident $(| $alias:ident)* => $field:ident: $type:ty $(as $kind:ty)? = $default:literal $(from $computed:path)?;
    )+ }) => {
        $(#[doc = $about])+
        #[derive(Debug)]
        pub struct $section { $($(#[doc = $text])+ pub $field: $type,)+ }

        impl $section {
            $(
                #[doc = concat!("The setting `", stringify!($name), "`.")]
                pub const $name: $crate::config::Setting = $crate::config::Setting {
                    name: stringify!($name),
                    aliases: &[$(stringify!($alias)),*],
                    default: $default,
                    computed: settings!(@computed $($computed)?),
                    secret: <settings!(@kind $type $(as $kind)?) as $crate::config::setting::Kind>::SECRET,
                    takes_empty: <settings!(@kind $type $(as $kind)?) as $crate::config::setting::Kind>::TAKES_EMPTY,
                    allowed: <settings!(@kind $type $(as $kind)?) as $crate::config::setting::Kind>::allowed,
                    about: concat!($($text, "\n"),+),
                };
            )+

            pub(super) const SECTION: $crate::config::Section = $crate::config::Section {
                title: stringify!($section),
                about: concat!($($about, "\n"),+),
                settings: &[$(Self::$name),+],
            };

            pub(super) fn read(
                values: &$crate::config::Values,
                report: &mut $crate::config::Report,
            ) -> Option<Self> {
                $(let $field = values.read::<settings!(@kind $type $(as $kind)?)>(&Self::$name, report);)+
                Some(Self { $($field: $field?),+ })
            }

            pub(super) fn shown(&self) -> Vec<(&'static $crate::config::Setting, String)> {
                vec![$((
                    &Self::$name,
                    <settings!(@kind $type $(as $kind)?) as $crate::config::setting::Kind>::show(&self.$field),
                )),+]
            }
        }
    };
    (@kind $type:ty as $kind:ty) => { $kind };
    (@kind $type:ty) => { $type };
    (@computed) => { None };
    (@computed $computed:path) => { Some($computed) };
}
pub(super) use settings;
