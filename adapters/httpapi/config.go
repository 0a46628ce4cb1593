// Package httpapi is Duolog's HTTP surface: webhooks in, the event feed, contacts, commands, acts, health and
// metrics out, described by an OpenAPI 3.1 document it serves itself.
package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/adapters/stream/group"
	"github.com/duolog/duolog/eventstore"
	"github.com/duolog/duolog/projections/report"
)

// Errors the interfaces of a Connection answer with; anything else is a 500 that says nothing.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("conflict")
	ErrBadInput = errors.New("bad input")
)

// Config is what the API serves. Connections and Authorizer are required.
type Config struct {
	// Version stands in the OpenAPI document.
	Version string
	// PublicURL is the base URL the systems call, what signatures are checked against: "https://sync.example.com".
	PublicURL string
	// Connection returns the named connection; false when there is none. It is asked on every request.
	Connection func(name string) (Connection, bool)
	// Connections lists those of the database; nil: they are not listed.
	Connections func(context.Context) ([]ConnectionInfo, error)
	// Setup makes and removes connections; nil: that is not done here.
	Setup Setup
	// HubSpotApp takes what arrives at the app-wide endpoint; nil: there is none.
	HubSpotApp Webhooks
	Authorizer Authorizer
	// Checks must all pass for /readyz to answer 200.
	Checks []Check
	// Registry is served at /metrics, with the API's own metrics added. Default: a new one.
	Registry *prometheus.Registry
	Logger   *slog.Logger
	// PageTimeout is how long a reader may take to accept one page of the feed. Default 30 s.
	PageTimeout time.Duration
	// Heartbeat is how often a stream on which nothing happens shows that it is alive, and how often a stream is seen to
	// be allowed and of this log still. Default 15 s.
	Heartbeat time.Duration
	// StateWait is how long a page of contacts waits for them to come to the position it is of. Default 2 s.
	StateWait time.Duration
	// Clock tells when a webhook was received. Default time.Now.
	Clock func() time.Time
}

// Check is a condition of readiness. Its error is logged, not shown.
type Check struct {
	Name string
	Run  func(context.Context) error
}

// Webhooks takes deliveries in; *ingest.Ingest and *ingest.Router do.
type Webhooks interface {
	Receive(ctx context.Context, d adapters.Delivery) (ingest.Receipt, error)
	// Refuse leaves a line for a delivery refused before it could be read, and returns err.
	Refuse(ctx context.Context, d adapters.Delivery, err error) error
}

// Rejected lists what was not taken in; *ingest.Ring does.
type Rejected interface {
	List(ctx context.Context, connection string, limit int) ([]ingest.Line, error)
}

// Connection is one connection as the API sees it. A nil part is answered with 404.
type Connection struct {
	Log      eventstore.Log
	HubSpot  Webhooks
	Aloware  Webhooks
	Rejected Rejected
	Contacts Contacts
	History  Timeline
	Commands Commands
	Acts     Acts
	Erasures Erasures
	Tokens   TokenKeeper // nil: tokens are not kept here
	Catalogs Catalogs
	Proofs   Proofs
	Groups   *group.Groups // the named consumers; nil: none are kept here
	Plans    interface {
		Plans
		Operations
	}
	// Card tells about a contact at a glance, DealOwner to whom a call from a number is put through.
	Card      func(ctx context.Context, contact ulid.ULID) (Card, error)
	DealOwner func(ctx context.Context, phone string) (Route, error)
	// Explain says why a field of a contact is as it is, or was at a moment.
	Explain  Explainer
	Settings Settings
	Replays  Replays
	Mapping  Mapping
	Import   Importer
	Status   func(context.Context) (Status, error)
	// Report tells what the log says about a period.
	Report func(ctx context.Context, q ReportQuery, by By) (report.Report, error)
	// Export puts into the log that events are given away, and returns what writes them.
	Export Exporter
	// Looked puts into the log that somebody looks at personal data, before it is shown; nil: nobody keeps count.
	Looked func(ctx context.Context, what string, by By, contacts ...ulid.ULID) error
	// Projections has projections rebuilt; nil: none run here.
	Projections Projections
}

func (c *Config) complete() error {
	if c.Connection == nil || c.Authorizer == nil {
		return errors.New("http api: Connection and Authorizer are required")
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" {
		return errors.New("http api: the public URL must be absolute, like https://sync.example.com")
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	if c.Registry == nil {
		c.Registry = prometheus.NewRegistry()
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.PageTimeout == 0 {
		c.PageTimeout = 30 * time.Second
	}
	if c.Heartbeat == 0 {
		c.Heartbeat = 15 * time.Second
	}
	if c.StateWait == 0 {
		c.StateWait = 2 * time.Second
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return nil
}
