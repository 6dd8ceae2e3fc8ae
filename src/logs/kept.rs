//! The files of one log: their names, and which of them are kept.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::daily::Limits;
use crate::clock::Clock;

/// A day of UTC, counted from 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(i32);

/// Which of the files: the day, and a number within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    pub day: Day,
    number: u32,
}

/// All files that belong to one `LOG_FILE`, and none besides.
#[derive(Debug)]
pub(super) struct Series {
    folder: PathBuf,
    /// What names begin with, the dot included.
    stem: String,
    /// What names end with, the dot included; empty when the path has no ending.
    ending: String,
}

const EPOCH: time::Date = time::macros::date!(1970 - 01 - 01);

impl Day {
    pub(super) fn of(clock: &Clock) -> Self {
        Self(i32::try_from(clock.now().seconds().div_euclid(86_400)).unwrap_or_default())
    }

    fn text(self) -> String {
        EPOCH.checked_add(time::Duration::days(self.0.into())).unwrap_or(EPOCH).to_string()
    }

    fn parse(text: &str) -> Option<Self> {
        let format = time::macros::format_description!("[year]-[month]-[day]");
        let date = time::Date::parse(text, format).ok()?;
        i32::try_from((date - EPOCH).whole_days()).ok().map(Self)
    }
}

impl Name {
    pub(super) fn next(self) -> Self {
        Self { number: self.number + 1, ..self }
    }
}

impl Series {
    pub(super) fn of(path: &Path) -> Option<Self> {
        let (folder, name) = (path.parent()?.to_owned(), path.file_name()?.to_str()?);
        let (stem, ending) = name.rsplit_once('.').filter(|(stem, _)| !stem.is_empty()).unwrap_or((name, ""));
        let ending = if ending.is_empty() { String::new() } else { format!(".{ending}") };
        Some(Self { folder, stem: format!("{stem}."), ending })
    }

    pub(super) fn path(&self, name: Name) -> PathBuf {
        let number = if name.number == 0 { String::new() } else { format!(".{}", name.number) };
        self.folder.join(format!("{}{}{number}{}", self.stem, name.day.text(), self.ending))
    }

    /// The file of a day that is written now.
    pub(super) fn newest(&self, day: Day) -> io::Result<Name> {
        let found = self.found()?.into_iter().map(|(name, _)| name).filter(|name| name.day == day).max();
        Ok(found.unwrap_or(Name { day, number: 0 }))
    }

    /// Removes what is too old, then the oldest of what is too much. The next file of full size still fits.
    pub(super) fn prune(&self, current: Name, limits: Limits) {
        let Ok(mut found) = self.found() else { return };
        found.sort_unstable_by_key(|(name, _)| std::cmp::Reverse(*name));
        let mut room = limits.bytes.saturating_sub(limits.rotate);
        for (name, size) in found.into_iter().filter(|(name, _)| *name < current) {
            let age = u64::try_from(current.day.0 - name.day.0).unwrap_or_default();
            let fits = room.checked_sub(size);
            room = fits.unwrap_or_default();
            if age > limits.days || fits.is_none() {
                let _ = fs::remove_file(self.path(name));
            }
        }
    }

    /// Those that are there, with their sizes.
    fn found(&self) -> io::Result<Vec<(Name, u64)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name().to_str().and_then(|name| self.parse(name));
            if let (Some(name), Ok(meta)) = (name, entry.metadata())
                && meta.is_file()
            {
                found.push((name, meta.len()));
            }
        }
        Ok(found)
    }

    /// Exactly what [`Series::path`] writes: another log's `a.b.2030-01-31.log` is not `a.log`'s.
    fn parse(&self, name: &str) -> Option<Name> {
        let middle = name.strip_prefix(&self.stem)?.strip_suffix(&self.ending)?;
        let (day, number) =
            middle.split_once('.').map_or((middle, Some(0)), |(day, number)| (day, number.parse().ok()));
        let parsed = Name { day: Day::parse(day)?, number: number? };
        (self.path(parsed).file_name()?.to_str()? == name).then_some(parsed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_a_log_are_told_from_others() {
        let series = Series::of(Path::new("/x/a.log")).unwrap();
        let name = |text: &str| series.parse(text).map(|name| series.path(name).display().to_string());
        for own in ["a.2030-01-31.log", "a.2030-01-31.1.log", "a.2030-01-31.12.log"] {
            assert_eq!(name(own), Some(format!("/x/{own}")));
        }
        for other in [
            "a.log",
            "a.log.old",
            "b.2030-01-31.log",
            "a.b.2030-01-31.log",
            "a.2030-01-31.log.gz",
            "a.2030-02-31.log",
            "a.2030-01-31.01.log",
            "a.2030-01-31.0.log",
            "a.2030-01-31.x.log",
            "a.2030-1-31.log",
            "a.2030-01-31",
        ] {
            assert_eq!(name(other), None, "{other}");
        }
        assert!(series.parse("a.2030-01-31.log") < series.parse("a.2030-01-31.1.log"));
        assert!(series.parse("a.2030-01-31.9.log") < series.parse("a.2030-02-01.log"));
    }
}
