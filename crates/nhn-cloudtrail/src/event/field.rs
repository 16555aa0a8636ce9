//! The wire fields of a record, and the words the three languages have for them.

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident = $snake:literal, $camel:literal;)*) => {
        /// A wire field of a CloudTrail record.
        ///
        /// Every one can be absent. The names are those of NHN Cloud's CloudTrail guide.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Field { $($(#[$doc])* $name,)* }

        impl Field {
            /// All fields, in the order of the guide.
            pub const ALL: &'static [Field] = &[$(Field::$name),*];

            /// The name in Rust, Python and tables: `event_time`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Field::$name => $snake,)* }
            }

            /// The key in a record: `eventTime`. That of [`Field::TargetMembers`] is the object
            /// that holds the array, `eventTarget`.
            pub const fn wire_name(self) -> &'static str {
                match self { $(Field::$name => $camel,)* }
            }

            /// The field whose key this is. `UserId`, which the guide's table has for `userId`, is
            /// no key of a field: what it means depends on whether `userId` is there.
            #[inline]
            #[expect(non_upper_case_globals, reason = "the constants are named as the variants")]
            pub fn from_wire_name(key: &[u8]) -> Option<Field> {
                $(const $name: &[u8] = $camel.as_bytes();)*
                match key { $($name => Some(Field::$name),)* _ => None }
            }
        }
    };
}

fields! {
    /// When it happened.
    EventTime = "event_time", "eventTime";
    /// What happened: the key of the catalog.
    EventId = "event_id", "eventId";
    /// Through what it was done: `USER_CONSOLE`, `ADMIN_CONSOLE`, `API`.
    EventSourceType = "event_source_type", "eventSourceType";
    /// The UUID of the acting member.
    UserIdNo = "user_id_no", "userIdNo";
    /// The ID of the acting member, an e-mail address for NHN Cloud members.
    UserId = "user_id", "userId";
    /// The name of the acting member.
    UserName = "user_name", "userName";
    /// The address it was done from.
    UserIp = "user_ip", "userIp";
    /// The client it was done with.
    UserAgent = "user_agent", "userAgent";
    /// The product that the event belongs to.
    ProductId = "product_id", "productId";
    /// The region.
    Region = "region", "region";
    /// The organization.
    OrgId = "org_id", "orgId";
    /// The project.
    ProjectId = "project_id", "projectId";
    /// The project's name.
    ProjectName = "project_name", "projectName";
    /// The appkey of the service in the project.
    AppKey = "app_key", "appKey";
    /// The tenant.
    TenantId = "tenant_id", "tenantId";
    /// The unique key of the record; in the guide since 2024.
    EventLogUuid = "event_log_uuid", "eventLogUuid";
    /// What was asked for: JSON text, or any other.
    Request = "request", "request";
    /// What was answered: JSON text, or any other.
    Response = "response", "response";
    /// The members it was done to.
    TargetMembers = "target_members", "eventTarget";
}

impl Field {
    /// Whether an object with this key is taken for a record.
    pub(crate) fn is_likely(self) -> bool {
        matches!(self, Field::EventId | Field::EventTime | Field::EventLogUuid)
    }
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
