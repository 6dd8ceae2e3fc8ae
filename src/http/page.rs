//! Pages of a list, in the two shapes that clients know.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::input::Int;
use crate::{
    body,
    error::{Error, Result},
};

/// Pages by number reach this row; deeper ones cost too much to skip to, so they need a cursor.
const LAST_ROW: u64 = 10_000;
const DEFAULT_SIZE: u64 = 50;

body! {
    /// What a list takes that has one order and no filters.
    pub(crate) struct Part {
        /// The number of the page, from 1.
        page: Option<Int<1, { i64::MAX }>>,
        /// How many a page holds.
        size: Option<Int<1, 100>>,
        /// The `next_cursor` of the page before; used instead of the number.
        #[example("support")]
        cursor: Option<String>,
    }
}

impl Part {
    /// The paging that is asked for.
    ///
    /// # Errors
    /// As [`Paging::new`].
    pub(crate) fn paging(self) -> Result<Paging> {
        Paging::new(self.page, self.size, None, self.cursor)
    }
}

/// What part of a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paging {
    page: u64,
    size: u64,
    shape: Shape,
    cursor: Option<String>,
}

/// The names of the answer's members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// `items total page size pages`.
    Items,
    /// `users total_count page page_size total_pages`: asked for by `page_size`.
    Users,
}

impl Paging {
    /// From the query's `page`, `size` or `page_size`, and `cursor`, which is used instead of the number.
    ///
    /// # Errors
    /// `invalid`: both sizes are given, or (`use_cursor`) the page lies beyond row 10 000.
    pub fn new(
        page: Option<Int<1, { i64::MAX }>>,
        size: Option<Int<1, 100>>,
        page_size: Option<Int<1, 100>>,
        cursor: Option<String>,
    ) -> Result<Self> {
        let shape = if page_size.is_some() { Shape::Users } else { Shape::Items };
        if size.is_some() && page_size.is_some() {
            return Err(Error::invalid("page_size", "conflict", "Give either 'size' or 'page_size'."));
        }
        let page = page.map_or(1, |page| page.get().unsigned_abs());
        let size = size.or(page_size).map_or(DEFAULT_SIZE, |size| size.get().unsigned_abs());
        if cursor.is_none() && page.saturating_mul(size) > LAST_ROW {
            return Err(Error::invalid("page", "use_cursor", "Pages end at row 10 000. Go on with 'cursor'."));
        }
        Ok(Self { page, size, shape, cursor })
    }

    /// How many rows to read.
    #[must_use]
    pub fn limit(&self) -> u64 {
        self.size
    }

    /// How many rows to skip: none when there is a cursor.
    #[must_use]
    pub fn offset(&self) -> u64 {
        if self.cursor.is_some() { 0 } else { (self.page - 1) * self.size }
    }

    /// Where to go on, if not by number.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// The answer out of a list that is read whole: each item with its name, which is its cursor. After the first `fixed`,
    /// which never go, it is sorted by name; so whoever goes on behind one that is gone by now misses nothing.
    #[must_use]
    pub fn cut<T: Serialize>(&self, mut all: Vec<(String, T)>, fixed: usize) -> Page<T> {
        if let Some(others) = all.get_mut(fixed..) {
            others.sort_by(|one, other| one.0.cmp(&other.0));
        }
        let behind = |last: &str| {
            let at = all.iter().position(|(name, _)| name == last);
            let before = |(n, (name, _)): &(usize, &(String, T))| *n >= fixed && name.as_str() <= last;
            at.map_or_else(|| fixed + all.iter().enumerate().filter(before).count(), |at| at + 1)
        };
        let skip = self.cursor().map_or_else(|| usize::try_from(self.offset()).unwrap_or(usize::MAX), behind);
        let (total, limit) = (all.len(), usize::try_from(self.size).unwrap_or(usize::MAX));
        let is_last = total.saturating_sub(skip) <= limit;
        let (names, items): (Vec<_>, Vec<_>) = all.into_iter().skip(skip).take(limit).unzip();
        self.of(items, Total::Exact(total as u64), names.into_iter().next_back().filter(|_| !is_last))
    }

    /// The answer. `next_cursor` is `None` on the last page.
    #[must_use]
    pub fn of<T: Serialize>(&self, items: Vec<T>, total: Total, next_cursor: Option<String>) -> Page<T> {
        Page { items, total, asked: self.clone(), next_cursor }
    }
}

/// How many rows there are in all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    /// Counted.
    Exact(u64),
    /// Estimated, and marked so.
    Estimate(u64),
    /// Not asked for; left out.
    Unknown,
}

/// One page, to be sent as JSON.
pub struct Page<T> {
    items: Vec<T>,
    total: Total,
    asked: Paging,
    next_cursor: Option<String>,
}

impl<T: Serialize> Serialize for Page<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let [items, total, size, pages] = match self.asked.shape {
            Shape::Items => ["items", "total", "size", "pages"],
            Shape::Users => ["users", "total_count", "page_size", "total_pages"],
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(items, &self.items)?;
        if let Total::Exact(rows) | Total::Estimate(rows) = self.total {
            map.serialize_entry(total, &rows)?;
            map.serialize_entry(pages, &rows.div_ceil(self.asked.size))?;
        }
        if matches!(self.total, Total::Estimate(_)) {
            map.serialize_entry("total_is_estimate", &true)?;
        }
        map.serialize_entry("page", &self.asked.page)?;
        map.serialize_entry(size, &self.asked.size)?;
        map.serialize_entry("next_cursor", &self.next_cursor)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{json, to_value};

    use super::*;
    use crate::http::Input;

    fn int<const MAX: i64>(number: i64) -> Option<Int<1, MAX>> {
        Option::read(&json!(number)).unwrap()
    }

    #[test]
    fn both_shapes_say_the_same() {
        let items = Paging::new(int(2), int(20), None, None).unwrap();
        assert_eq!((items.offset(), items.limit()), (20, 20));
        assert_eq!(
            to_value(items.of(vec!["a"], Total::Exact(21), None)).unwrap(),
            json!({"items": ["a"], "total": 21, "page": 2, "size": 20, "pages": 2, "next_cursor": null})
        );
        let users = Paging::new(None, None, int(20), None).unwrap();
        assert_eq!(
            to_value(users.of(vec!["a"], Total::Estimate(41), Some("c".into()))).unwrap(),
            json!({"users": ["a"], "total_count": 41, "page": 1, "page_size": 20, "total_pages": 3,
                "total_is_estimate": true, "next_cursor": "c"})
        );
    }

    #[test]
    fn a_list_that_is_read_whole_is_walked_also_while_it_changes() {
        let names = |names: &str| names.chars().map(|name| (name.to_string(), name.to_string())).collect::<Vec<_>>();
        let page = |all: &str, page, cursor: Option<&str>| {
            let asked = Paging::new(int(page), int(2), None, cursor.map(Into::into)).unwrap();
            let page = to_value(asked.cut(names(all), 2)).unwrap();
            let items = page["items"].as_array().unwrap().iter().map(|name| name.as_str().unwrap());
            (items.collect::<String>(), page["next_cursor"].as_str().map(ToOwned::to_owned))
        };
        let is = |items: &str, next: Option<&str>| (items.to_owned(), next.map(ToOwned::to_owned));
        assert_eq!(page("zyabc", 1, None), is("zy", Some("y")));
        assert_eq!(page("zyabc", 1, Some("y")), is("ab", Some("b")));
        assert_eq!(page("zyabc", 3, None), is("c", None));
        assert_eq!(page("zyabc", 4, None), is("", None));
        assert_eq!(page("zyac", 1, Some("b")), is("c", None));
        assert_eq!(page("zybcd", 1, Some("a")), is("bc", Some("c")));
        assert_eq!(page("zyab", 1, Some("b")), is("", None));
    }

    #[test]
    fn deep_pages_need_a_cursor() {
        let code = |page, cursor: Option<&str>| {
            let paging = Paging::new(int(page), int(100), None, cursor.map(Into::into));
            paging.err().map(|error| error.broken()[0].code)
        };
        assert_eq!(code(100, None), None);
        assert_eq!(code(101, None), Some("use_cursor"));
        assert_eq!(code(i64::MAX, None), Some("use_cursor"));
        assert_eq!(code(i64::MAX, Some("c")), None);
    }
}
