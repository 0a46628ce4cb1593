// Package hubspot speaks with a HubSpot portal: it reads its webhooks, reads and scans its contacts and writes them in
// batches. What is not established about HubSpot's API is isolated in one function or constant each, and said there.
package hubspot
