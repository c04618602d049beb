//! A serde deserializer over the parsed tree. Unlike one over plain values it knows the fields of each type, which gives the near name
//! of an unknown one, and the location of each value.

use std::fmt;
use std::slice::Iter;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, Expected, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

use super::super::node::{MappingEntry, Node};
use super::super::parameter::shorten_value;
use super::super::path_step::PathStep;
use super::super::source::SourceLocation;
use super::field_checker::FieldChecker;

/// Fields that are optional in the types of Kubernetes, but have required fields: they are read even if they are not there.
const READ_ANYWAY: [&str; 2] = ["spec", "template"];

/// Node of a field that is not there.
static NOTHING: Node = Node::Mapping(Vec::new(), SourceLocation { line: 0, column: 0 });

/// Deserializer of a node. A value of another type does not end the reading: it is reported and taken for an empty one.
pub(super) struct NodeReader<'c, 'd> {
    node: &'d Node,
    checker: &'c mut FieldChecker<'d>,
}

/// Error of a type's visitor.
#[derive(Debug)]
pub(super) enum ReadError {
    /// A problem that is among the findings already.
    Reported,
    /// A problem of the value that is not reported yet.
    Value(String),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reported => f.write_str("reported"),
            Self::Value(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for ReadError {}

impl serde::de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Value(format!("is not valid: {message}"))
    }

    fn invalid_type(actual: Unexpected<'_>, expected: &dyn Expected) -> Self {
        match expected.to_string().as_str() {
            "IntOrString" => Self::Value(format!(
                "must be a whole number or a string, but is {actual}"
            )),
            expected => Self::Value(format!("must be {expected}, but is {actual}")),
        }
    }
}

impl<'c, 'd> NodeReader<'c, 'd> {
    pub(super) fn new(node: &'d Node, checker: &'c mut FieldChecker<'d>) -> Self {
        Self { node, checker }
    }

    /// Returns the value with empty lists and objects, or `None` for one that fits any type.
    fn value(&self) -> Option<Value> {
        match self.node {
            Node::Scalar(scalar) => self.checker.scalar_value(scalar),
            Node::Sequence(..) => Some(Value::Array(Vec::new())),
            Node::Mapping(..) => Some(Value::Object(Map::new())),
        }
    }

    /// Returns what `read` makes of a value of the expected type. Null is taken for an empty value, as the server does.
    fn read<T: Default>(&mut self, expected: &str, read: impl FnOnce(&Value) -> Option<T>) -> T {
        let Some(value) = self.value().filter(|value| !value.is_null()) else {
            return T::default();
        };
        read(&value).unwrap_or_else(|| {
            let reason = format!("must be {expected}, but is {}", describe(&value));
            self.checker.report_value(self.node.location(), &reason);
            T::default()
        })
    }

    /// Reads an object, with an entry that it lacks.
    fn read_entries<'de, V: Visitor<'de>>(
        mut self,
        absent: Option<(&'d str, &'d Node)>,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.read("an object", |value| value.is_object().then_some(()));
        let entries = entries(self.node).iter();
        self.visit(|checker| {
            visitor.visit_map(Entries {
                entries,
                absent,
                value: None,
                checker,
            })
        })
    }

    /// Gives the visitor a value, and reports what it says against it.
    fn visit<V>(
        self,
        give: impl FnOnce(&mut FieldChecker<'d>) -> Result<V, ReadError>,
    ) -> Result<V, ReadError> {
        give(self.checker).map_err(|error| {
            if let ReadError::Value(reason) = error {
                self.checker.report_value(self.node.location(), &reason);
            }
            ReadError::Reported
        })
    }
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) => value.to_string(),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the string {:?}", shorten_value(text)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// Returns a whole number; `1.0` is one, as in the JSON that kubectl sends.
fn whole_number(value: &Value) -> Option<i64> {
    let float = value.as_f64().filter(|number| number.fract() == 0.0);
    value
        .as_i64()
        .or_else(|| format!("{:.0}", float?).parse().ok())
}

fn visit_scalar<'de, V: Visitor<'de>>(
    value: Option<Value>,
    visitor: V,
) -> Result<V::Value, ReadError> {
    match value {
        // Types that read any scalar take text for a number.
        None => visitor.visit_str("0"),
        Some(Value::Bool(flag)) => visitor.visit_bool(flag),
        Some(Value::String(text)) => visitor.visit_str(&text),
        Some(Value::Number(number)) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => visitor.visit_i64(number),
            (None, Some(number)) => visitor.visit_f64(number),
            (None, None) => visitor.visit_str(&number.to_string()),
        },
        Some(Value::Null | Value::Array(_) | Value::Object(_)) => visitor.visit_unit(),
    }
}

/// Methods that read a scalar of a type: `method, expected type, visitor's method, reader`.
macro_rules! read_scalars {
    ($(($method:ident, $expected:literal, $visit:ident, $read:expr))*) => {
        $(fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, ReadError> {
            let value = self.read($expected, $read);
            self.visit(|_| visitor.$visit(value))
        })*
    };
}

impl<'de> Deserializer<'de> for NodeReader<'_, '_> {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match self.node {
            Node::Sequence(..) => self.deserialize_seq(visitor),
            Node::Mapping(..) => self.deserialize_map(visitor),
            Node::Scalar(_) => {
                let value = self.value();
                self.visit(|_| visit_scalar(value, visitor))
            }
        }
    }

    read_scalars! {
        (deserialize_bool, "true or false", visit_bool, Value::as_bool)
        (deserialize_i8, "a whole number", visit_i64, whole_number)
        (deserialize_i16, "a whole number", visit_i64, whole_number)
        (deserialize_i32, "a whole number", visit_i64, whole_number)
        (deserialize_i64, "a whole number", visit_i64, whole_number)
        (deserialize_u8, "a whole number", visit_i64, whole_number)
        (deserialize_u16, "a whole number", visit_i64, whole_number)
        (deserialize_u32, "a whole number", visit_i64, whole_number)
        (deserialize_u64, "a whole number", visit_i64, whole_number)
        (deserialize_f32, "a number", visit_f64, Value::as_f64)
        (deserialize_f64, "a number", visit_f64, Value::as_f64)
        (deserialize_str, "a string", visit_string, |value| value.as_str().map(str::to_owned))
        (deserialize_string, "a string", visit_string, |value| value.as_str().map(str::to_owned))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        let is_read_anyway = matches!(self.checker.path.last(), Some(PathStep::Key(key)) if READ_ANYWAY.contains(key));
        match self.node.is_null() && !is_read_anyway {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, ReadError> {
        self.read("a list", |value| value.is_array().then_some(()));
        let items = self.node.items().iter().enumerate();
        self.visit(|checker| visitor.visit_seq(Items { items, checker }))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        self.read_entries(None, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        type_name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        self.checker
            .check_keys(type_name, fields, entries(self.node));
        let mut absent = READ_ANYWAY.into_iter();
        let absent = absent.find(|key| fields.contains(key) && self.node.get(key).is_none());
        self.read_entries(absent.map(|key| (key, &NOTHING)), visitor)
    }

    /// Value of an unknown field, which is not read.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        char bytes byte_buf unit unit_struct tuple tuple_struct enum identifier
    }
}

fn entries(node: &Node) -> &[MappingEntry] {
    match node {
        Node::Mapping(entries, _) => entries,
        _ => &[],
    }
}

/// Items of a list.
struct Items<'c, 'd> {
    items: std::iter::Enumerate<Iter<'d, Node>>,
    checker: &'c mut FieldChecker<'d>,
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, ReadError> {
        let Some((index, item)) = self.items.next() else {
            return Ok(None);
        };
        self.checker.path.push(PathStep::Index(index));
        let value = seed.deserialize(NodeReader::new(item, self.checker));
        self.checker.path.pop();
        value.map(Some)
    }
}

/// Entries of an object.
struct Entries<'c, 'd> {
    entries: Iter<'d, MappingEntry>,
    /// Entry that is read after them.
    absent: Option<(&'d str, &'d Node)>,
    /// Entry whose key has been read.
    value: Option<(&'d str, &'d Node)>,
    checker: &'c mut FieldChecker<'d>,
}

impl<'de> MapAccess<'de> for Entries<'_, '_> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, ReadError> {
        let entry = self.entries.next();
        let entry = entry.map(|entry| (entry.key.as_str(), &entry.value));
        self.value = entry.or_else(|| self.absent.take());
        let key = self.value.map(|(key, _)| StrDeserializer::new(key));
        key.map(|key| seed.deserialize(key)).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let Some((key, node)) = self.value.take() else {
            return Err(ReadError::Reported);
        };
        self.checker.path.push(PathStep::Key(key));
        let value = seed.deserialize(NodeReader::new(node, self.checker));
        self.checker.path.pop();
        value
    }
}
