// Package bench measures taking webhooks in: signed HubSpot batches over real HTTP, answered after commit, against
// writing the same rows in bulk without HTTP, keys or order.
package bench
