//! Where a page of users ended, as clients carry it.
//!
//! It is not signed: whoever forges one asks for a page that he could have asked for anyway.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    account::list::{Direction, Order, Place},
    clock::Time,
    db::Value,
    error::{Error, Result},
};

/// Longer ones were never given.
const MOST: usize = 2_048;

/// The text of a place in an order.
pub(super) fn write(order: Order, place: &Place) -> String {
    let value = match &place.value {
        Some(Value::Time(time)) => format!("={}", time.micros()),
        Some(Value::Text(text)) => format!("={text}"),
        _ => "-".to_owned(),
    };
    URL_SAFE_NO_PAD.encode(format!("{} {} {value}", name(order), place.id))
}

/// The place that a text names in this order.
pub(super) fn read(order: Order, text: &str) -> Result<Place> {
    let refused = || Error::invalid("cursor", "invalid_cursor", "This cursor was not given for this list.");
    if text.len() > MOST {
        return Err(refused());
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| refused())?;
    let plain = String::from_utf8(bytes).map_err(|_| refused())?;
    let mut parts = plain.splitn(3, ' ');
    let (own, id, value) = (parts.next(), parts.next(), parts.next());
    let (Some(id), Some(value)) = (id.and_then(|id| id.parse().ok()), value) else { return Err(refused()) };
    if own != Some(name(order).as_str()) || value.contains('\0') {
        return Err(refused());
    }
    let value = match value.strip_prefix('=') {
        None if value == "-" => None,
        None => return Err(refused()),
        Some(text) if order.column.is_time() => {
            let micros = text.parse().ok().filter(|micros| (0..=MOST_MICROS).contains(micros)).ok_or_else(refused)?;
            Some(Time::from_micros(micros).into())
        }
        Some(text) => Some(text.into()),
    };
    Ok(Place { value, id })
}

/// The year 9999: no later time is stored, and not every engine has one.
const MOST_MICROS: i64 = 253_402_300_799_000_000;

fn name(order: Order) -> String {
    let way = match order.direction {
        Direction::Ascending => '+',
        Direction::Descending => '-',
    };
    format!("{way}{}", order.column.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::list::Column;

    #[test]
    fn cursors_come_back_as_they_went_and_serve_their_order_alone() {
        let order = |column, direction| Order { column, direction };
        let id = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        for (column, value) in [
            (Column::CreatedAt, Some(Value::from(Time::from_micros(1_700_000_000_000_001)))),
            (Column::LastName, Some("van der Meer".into())),
            (Column::LastName, Some("".into())),
            (Column::LastLogin, None),
        ] {
            let place = Place { value, id };
            let text = write(order(column, Direction::Ascending), &place);
            assert_eq!(read(order(column, Direction::Ascending), &text).unwrap(), place);
            assert!(read(order(column, Direction::Descending), &text).is_err());
            assert!(read(order(Column::Email, Direction::Ascending), &text).is_err());
        }
        for forged in ["", "x", "%", &URL_SAFE_NO_PAD.encode("+created_at x =1"), &"A".repeat(9_999)] {
            assert!(read(order(Column::CreatedAt, Direction::Ascending), forged).is_err(), "{forged}");
        }
        let far = URL_SAFE_NO_PAD.encode(format!("+created_at {id} ={}", i64::MAX));
        assert!(read(order(Column::CreatedAt, Direction::Ascending), &far).is_err());
    }
}
