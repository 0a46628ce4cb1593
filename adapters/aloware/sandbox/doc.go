// Package sandbox is a stand-in for one Aloware account, in memory and over real HTTP. It does what the public API is
// documented or measured to do and nothing more: an upsert by phone (forms), a look-up by phone, the users, and
// webhooks. A phone that moved makes a second contact, an unknown path answers a web page with status 200, read names
// differ from write names, and nothing lists, updates by id or deletes.
//
// Beside the API stands what people do in Aloware's own screens: Create, Edit, Delete, Call, as Go methods and under
// /_sandbox/. They cause webhooks like the real ones: one event each, unsigned, with a Bearer or Basic header, and
// never sent again unless retries are switched on.
package sandbox
