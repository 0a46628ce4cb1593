// Package aloware speaks Aloware's public API: look-up by phone, create or update by phone ("forms"), users, and
// webhooks. It implements adapters.System.
//
// The API has no list, no read or update by id and no update time, and its only write is an upsert by phone that may
// notify people each time it is sent. So every write is guarded: look up (must be the linked record), compare, send
// what differs, look up again. After a doubt (timeout, 5xx) nothing is sent blindly: the caller's next try begins
// with the look-up and finds out. At most one effective write goes out per change unless the look-up shows that it
// never arrived.
//
// Three names differ between writing and reading (city is written as city and read as cnam_city): Values arrive under
// write names, Shows and Snapshots carry read names, names.go holds the table.
//
// The API token travels in the query and in request bodies. No error, log line or text of this package holds it, nor a
// phone, an email or another value of a contact.
package aloware
