//! Which column holds which field.

use super::field::Field;
use crate::error::{Error, Result};

/// The columns of a source, and what each holds.
#[derive(Clone, Debug)]
pub struct Mapping {
    columns: Vec<(String, Option<Field>)>,
}

impl Mapping {
    /// Guesses by the usual names; each `column=field` of `given` overrules that, and `column=` leaves one out.
    /// An `id` beside an `external_id` is left out.
    ///
    /// # Errors
    /// `invalid` when nothing holds the address, one field is in two columns, or `given` names what is not there.
    pub fn new(headers: &[String], given: &[String]) -> Result<Self> {
        let mut columns: Vec<_> = headers.iter().map(|name| (name.clone(), Field::named(name))).collect();
        let exact = |field: Field| headers.iter().any(|name| name.trim() == field.as_str());
        for (name, field) in &mut columns {
            // The name itself goes before its aliases.
            if field.is_some_and(|field| exact(field) && name.trim() != field.as_str()) {
                *field = None;
            }
        }
        for pair in given {
            let (name, field) =
                pair.split_once('=').ok_or_else(|| refused(format!("'{pair}' is not column=field.")))?;
            let field = match field.trim() {
                "" => None,
                field => {
                    let known = Field::ALL.iter().find(|known| known.as_str() == field);
                    Some(*known.ok_or_else(|| refused(format!("There is no field '{field}'.")))?)
                }
            };
            // Whoever says where a field is says that it is nowhere else.
            columns.iter_mut().filter(|column| field.is_some() && column.1 == field).for_each(|column| column.1 = None);
            let column = columns.iter_mut().find(|column| column.0.trim() == name.trim());
            column.ok_or_else(|| refused(format!("There is no column '{name}'.")))?.1 = field;
        }
        for (n, (name, field)) in columns.iter().enumerate() {
            if let Some((other, _)) = columns[..n].iter().find(|column| field.is_some() && column.1 == *field) {
                let field = field.map_or("", Field::as_str);
                return Err(refused(format!("Both '{other}' and '{name}' would be '{field}': say which, or {name}=.")));
            }
        }
        let mapping = Self { columns };
        if mapping.place(Field::Email).is_none() {
            return Err(refused("No column holds the e-mail address: say which by column=email.".into()));
        }
        Ok(mapping)
    }

    /// Every column with its field, in order.
    #[must_use]
    pub fn columns(&self) -> &[(String, Option<Field>)] {
        &self.columns
    }

    /// Where a field is.
    #[must_use]
    pub fn place(&self, field: Field) -> Option<usize> {
        self.columns.iter().position(|column| column.1 == Some(field))
    }
}

fn refused(message: String) -> Error {
    Error::invalid("map", "mapping", message.clone()).detail(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[&str], given: &[&str]) -> Result<Vec<Option<Field>>> {
        let text = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Mapping::new(&text(headers), &text(given)).map(|mapping| mapping.columns.into_iter().map(|c| c.1).collect())
    }

    #[test]
    fn columns_are_guessed_and_overruled() {
        let (email, id) = (Some(Field::Email), Some(Field::ExternalId));
        assert_eq!(of(&["id", "E-Mail", "shoe"], &[]).unwrap(), [id, email, None]);
        assert_eq!(of(&["id", "external_id", "email"], &[]).unwrap(), [None, id, email]);
        assert_eq!(of(&["id", "email", "shoe"], &["shoe=bio", "id="]).unwrap(), [None, email, Some(Field::Bio)]);
        assert_eq!(of(&["a", "email"], &["a=email"]).unwrap(), [email, None]);
        for (headers, given) in [
            (&["name"][..], &[][..]),
            (&["email", "mail", "e_mail", "id", "uid"], &[]),
            (&["email"], &["other=bio"]),
            (&["email"], &["email=shoe"]),
            (&["email"], &["email"]),
        ] {
            assert!(of(headers, given).is_err(), "{headers:?} {given:?}");
        }
    }
}
