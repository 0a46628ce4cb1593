// Package operations is the projection of one-time operations and the plans they go by: who asked for them, how far they
// are, what they came to and what that cost, and whom they left since they had changed.
//
// Counts come from the decisions and outcomes themselves, so they are as true as the log. The rows of plans are no
// projection: they are operational, stored with the act that made the plan and never changed.
package operations
