// Package stream is the log as other services read it: narrowed by a filter, as it stands or as net changes of
// contacts, followed live without each reader asking the database.
//
// Consumer groups lie in stream/group, Watermill's subscriber in stream/subscriber, adapters for stock watermill-sql in
// stream/watermillsql, forwarding to NATS and webhooks in stream/forward, the published schemas in stream/contract.
package stream
