package domain

// UniqueProperty is our own property in HubSpot: it holds the contact's ULID, at most once per portal, so that a
// create repeated after a crash finds itself.
const UniqueProperty = "duolog_contact_id"
