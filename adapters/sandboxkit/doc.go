// Package sandboxkit is what the two sandboxes share: made-up people, traffic, faults injected into their APIs, and
// the queue that delivers their webhooks late, twice, out of order or never. All chance comes from one seed.
package sandboxkit
