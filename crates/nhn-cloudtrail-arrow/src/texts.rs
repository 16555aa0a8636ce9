//! Text columns, however they are encoded.

use arrow_array::cast::AsArray;
use arrow_array::types::Int32Type;
use arrow_array::{Array, DictionaryArray, StringArray, StringViewArray};

/// The texts of a column.
#[derive(Clone, Copy)]
pub(crate) enum Texts<'a> {
    Plain(&'a StringArray),
    View(&'a StringViewArray),
    Keys(&'a DictionaryArray<Int32Type>, &'a StringArray),
}

impl<'a> Texts<'a> {
    /// None where the column holds no text.
    pub(crate) fn of(array: &'a dyn Array) -> Option<Self> {
        if let Some(keys) = array.as_dictionary_opt::<Int32Type>() {
            return Some(Texts::Keys(keys, keys.values().as_string_opt()?));
        }
        array
            .as_string_opt()
            .map(Texts::Plain)
            .or_else(|| array.as_string_view_opt().map(Texts::View))
    }

    /// The text of a row; none where there is none.
    pub(crate) fn get(self, row: usize) -> Option<&'a str> {
        match self {
            Texts::Plain(texts) => (!texts.is_null(row)).then(|| texts.value(row)),
            Texts::View(texts) => (!texts.is_null(row)).then(|| texts.value(row)),
            Texts::Keys(keys, texts) => {
                let key = keys.key(row)?;
                (key < texts.len() && !texts.is_null(key)).then(|| texts.value(key))
            }
        }
    }
}
