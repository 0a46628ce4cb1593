package sandboxkit

import "time"

// Faults say how badly a sandbox behaves. The zero value behaves well.
type Faults struct {
	Seed uint64
	// FailRate is the share of API requests answered 5xx before anything happened, FailAfterCommitRate of those
	// carried out and answered 5xx all the same. Both 0 to 1.
	FailRate            float64
	FailAfterCommitRate float64
	// RateLimit is the number of requests allowed in 10 s; 0 means what the system documents, below 0 no limit.
	RateLimit int
	// SearchLag is how long a change stays unseen by search.
	SearchLag time.Duration
	// WebhookLoss is the share of webhook events never sent, WebhookDuplicates of those sent twice.
	WebhookLoss       float64
	WebhookDuplicates float64
	// Latency is the mean time an API request takes.
	Latency time.Duration
	// Retries is how often a webhook that was not answered 2xx is sent again, about RetryInterval (default 1 s) apart.
	Retries       int
	RetryInterval time.Duration
	// Shuffle delivers webhook events out of order.
	Shuffle bool
}
