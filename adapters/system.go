package adapters

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
)

// System is one side: translate what it tells, read it, write it. All methods may be called concurrently.
type System interface {
	Name() domain.System
	Capabilities() Capabilities
	// Identify returns the account the credentials open (portal id, company id); it is also the check that they work.
	Identify(ctx context.Context) (string, error)
	// Schema lists the properties of contacts; for a system that cannot list them, the documented ones.
	Schema(ctx context.Context) ([]Property, error)
	// Prepare makes what writes rely on (HubSpot: our unique property). Repeating it changes nothing.
	Prepare(ctx context.Context) error
	// Authenticate checks a webhook's headers and body; a *Rejection otherwise.
	Authenticate(d Delivery) error
	// Translate turns an authenticated body into arrivals. An item that cannot be read becomes an Arrival with Raw
	// set; only a body that is unreadable as a whole is an error (*Rejection with status 400).
	Translate(d Delivery) ([]Arrival, error)
	// Read answers each request, batched as the system allows, in the requests' order.
	Read(ctx context.Context, reqs []ReadRequest) []ReadAnswer
	// Scan lists all records, in pages, until fn returns an error or the end; ErrUnsupported where the API has no list.
	Scan(ctx context.Context, properties []string, fn func([]Snapshot) error) error
	// Write carries out the writes, batched as the system allows, and answers in the writes' order. The caller never
	// gives two writes for one record in a call.
	Write(ctx context.Context, writes []Write) []WriteAnswer
}

// ErrUnsupported: the system's public API cannot do this.
var ErrUnsupported = errors.New("not offered by the system's public API")

// Capabilities say what the public API can and cannot do.
type Capabilities struct {
	List          bool // can enumerate contacts
	UpdateByID    bool // can update a record by its id
	ChangePhone   bool // can change the phone of a record
	UniqueKey     bool // can hold our unique key
	LookupByEmail bool
	LookupByPhone bool // and an empty answer proves absence
	Batch         int  // largest batch in one request
	// Catalogs are those it lists. One of Aloware's that is not among them is declared by a person.
	Catalogs []domain.Catalog
}

// Property describes a property of the system's contacts, as far as it tells.
type Property = domain.Property

// Delivery is a webhook request as it arrived.
type Delivery struct {
	Method string
	// URL is the configured public URL of the endpoint, what a signature is checked against.
	URL        string
	Header     http.Header
	Body       []byte
	ReceivedAt time.Time
}

// Arrival is one event read from a webhook: a fact about a record, something done with a person, or something raw.
type Arrival struct {
	Type       string // domain.RecordCreated …, domain.ActivityObserved, or domain.SourceRaw
	Record     domain.Record
	Fact       domain.Fact
	Activity   *domain.Activity // of an activity, in place of Fact
	Raw        *domain.Raw
	OccurredAt int64 // µs UTC
	// Key is what makes a redelivery recognisable, before it is keyed by the caller: a time prefix in µs and text.
	// Empty: every delivery is its own event.
	KeyTime int64
	Key     string
	// Account is the portal or company the item belongs to, empty when not told.
	Account string
	// Ignored marks a well-formed item that means nothing for contacts (a test delivery): answered, not stored.
	Ignored bool
}

// Rejection is a delivery that is refused.
type Rejection struct {
	Status  int // 400, 401, 413
	Reason  string
	Offered []string // signature versions or auth schemes offered
}

func (r *Rejection) Error() string { return r.Reason }

// ReadRequest asks for one record by id, or for the records that hold an email or a phone.
type ReadRequest struct {
	By    string // "id", "email", "phone"
	Value string // record id, canonical email, or E.164
	// Phone is where a record asked for by id is looked up in a system that cannot read by id: E.164. The answer may
	// then be another record than the one asked for, or none.
	Phone      string
	Properties []string
}

// ReadAnswer holds what was found: none, one, or (look-ups) several snapshots.
type ReadAnswer struct {
	Records []Snapshot
	Err     error
}

// Snapshot is a record as read, complete for the properties asked.
type Snapshot struct {
	Record     domain.Record
	Properties domain.Properties
	// Clock is the moment the request began, not later than the record's own update time, µs UTC.
	Clock  int64
	Clocks map[string]int64
	// Lacks are properties that were asked for and that the system does not have at all: they are not blank.
	Lacks   []string
	Aliases []domain.Record // merged into this one
	Deleted bool            // archived: in the recycle bin
}

// Write is one create or update.
type Write struct {
	Command ulid.ULID
	Contact ulid.ULID // goes into our unique key where the system has one
	Create  bool
	// Again: it may have been sent before, and how that ended is not known. A create that is there by now was carried
	// out: its values may have been changed since and are not written a second time.
	Again  bool
	Record domain.Record // the target; zero for a create
	// Phone finds the target where the system knows no other key: E.164.
	Phone  string
	Values map[string]json.RawMessage
	// Expects is what the record must still show for a value to go over it, by write name, where the system is looked at
	// before each write; a value that stands over something else is refused with domain.ReasonChanged.
	Expects map[string]planner.Expected
	// Tried are values that tries before this one may have left there, by write name: they are ours, and in nobody's way.
	Tried map[string][]json.RawMessage
	// Properties to report back in the answer's Shows, besides those written.
	Properties []string
}

// WriteAnswer tells what became of a write. Err is nil when it was applied; otherwise an *Error.
type WriteAnswer struct {
	Record domain.Record
	// Created: a new record was made. With domain.ReasonExists, by a try before whose answer was lost: what stood in the
	// way shows all that was sent.
	Created  bool
	Unneeded bool // the target already held every value; nothing was sent
	Shows    domain.Properties
	Clock    int64
	Complete bool              // Shows is a full snapshot
	Refused  map[string]string // properties refused while the rest was applied: reason without values
	Err      error
}

// Class says what to do about a failed call.
type Class int

// The classes of failure.
const (
	// Retry: it did not happen, or it happened and repeating does no harm; try again later.
	Retry Class = iota
	// Throttled: not before After has passed.
	Throttled
	// Rejected: will never work as it is; Reason is a domain.Reason word.
	Rejected
	// Unauthorized: the credentials do not work; nothing else will either.
	Unauthorized
)

// Error is a call that failed. Its text holds no personal value and no secret.
type Error struct {
	Class    Class
	Reason   string // domain.Reason…
	Detail   string
	After    time.Duration
	Existing domain.Record     // with ReasonExists
	Refused  map[string]string // per property, with ReasonInvalid
	Status   int               // HTTP status, 0 when there was none
	// Unsent: nothing of the write can have arrived, so the next try is in no doubt about this one.
	Unsent bool
}

func (e *Error) Error() string { return e.Detail }
