package eventstore

import (
	"context"
	"errors"

	"github.com/oklog/ulid/v2"
)

// Errors a caller can branch on; always wrapped with detail.
var (
	// ErrExpectation: the stream's last position is beyond the one the append expected.
	ErrExpectation = errors.New("stream has moved on")
	// ErrDedupeMismatch: the same event id was appended before with other content.
	ErrDedupeMismatch = errors.New("event id was used for other content")
	// ErrErased: the subject's key was destroyed; what it sealed can never be read again.
	ErrErased = errors.New("erased")
	// ErrUnavailable: the database cannot be reached or is shutting down; nothing is known to have happened.
	ErrUnavailable = errors.New("database unavailable")
	// ErrDisk: the database can be read and not written, for its disk is full or refuses. It is ErrUnavailable, too.
	ErrDisk = errors.New("no room to write, or no right to")
	// ErrRights: the role that is logged in may not do this in the database. It is ErrUnavailable, too.
	ErrRights = errors.New("the role that is logged in lacks a right in the database")
	// ErrInvalid: the event cannot be stored as it is (NUL or invalid UTF-8 in a text, missing type …).
	ErrInvalid = errors.New("invalid event")
	// ErrClosed: the log went on in another database, and takes no more events here.
	ErrClosed = errors.New("this log was moved: it goes on in another database")
	// ErrMasterKey: the log's keys were wrapped by another master key.
	ErrMasterKey = errors.New("wrong master key")
)

// SubjectLog is the subject of events that hold no personal value (decisions, acts). It is never erased.
const SubjectLog = "log"

// NewEvent is an event to append.
type NewEvent struct {
	ID     ulid.ULID
	Stream string // "hubspot/contact/512", "contact/<ulid>", "connection"; no personal value, ever
	Type   string
	Schema int // ≥ 1
	// OccurredAt is the system's clock, µs UTC; 0 takes the recording time.
	OccurredAt int64
	Actor      string // "hubspot", "duolog", "token:…", "os:user@host"
	Causation  int64  // position of the input, 0 for none
	// Subject is whose key seals Data: a record's stream id, "raw/<event id>", or SubjectLog.
	Subject string
	Data    []byte // JSON, sealed before it is stored
	// Key is the dedupe key; nil takes the event's own id. An ID made of a key (KeyedID) can be shown to
	// belong to it; ids so made do not rise.
	Key []byte
	// ExpectLast, when not nil, is the highest last position of Stream at which the append may happen.
	ExpectLast *int64
}

// Appended tells where an event lies. Duplicate is true when its dedupe key was there before; the rest then
// describes the event stored first.
type Appended struct {
	Position   int64
	ID         ulid.ULID
	RecordedAt int64
	Duplicate  bool
}

// Event is a stored event, opened.
type Event struct {
	Connection string
	Position   int64
	ID         ulid.ULID
	Stream     string
	Type       string
	Schema     int
	OccurredAt int64 // µs UTC
	RecordedAt int64 // µs UTC, never falls along positions
	Actor      string
	Causation  int64
	Subject    string
	Data       []byte // nil when Erased
	Erased     bool
	Hash       [32]byte // over envelope, ciphertext and SHA-256(event key)
}

// Head is the end of a connection's log.
type Head struct {
	LogID      ulid.ULID
	Generation int64
	Position   int64
	RecordedAt int64
	KeyEpoch   int64
}

// Log is one connection's log. All methods may be called concurrently.
type Log interface {
	Connection() string
	// Append stores the events together or not at all, after group commit with other callers', and returns only
	// when they are durable. Results stand in the events' order. A key seen before is not an error.
	Append(ctx context.Context, events ...NewEvent) ([]Appended, error)
	// Read returns up to limit events after the position, in order; fewer only at the end of the log.
	Read(ctx context.Context, after int64, limit int) ([]Event, error)
	// ReadStream is Read narrowed to one stream.
	ReadStream(ctx context.Context, stream string, after int64, limit int) ([]Event, error)
	// Get returns the events at the positions that exist, in position order.
	Get(ctx context.Context, positions ...int64) ([]Event, error)
	Head(ctx context.Context) (Head, error)
	// Wait returns nil once the head may be beyond the position: at once when it is, on a wake-up, or after the
	// store's poll interval. It returns ctx's error when that ends first.
	Wait(ctx context.Context, after int64) error
	// Vault holds the connection's keys.
	Vault() Vault
}

// Screen looks at events that are about to be stored. It is asked before they are, and once more whenever a key was
// destroyed meanwhile: what it reads is no older than the key epoch it is told. With an error, ErrErased above all, none of
// them is stored.
type Screen func(ctx context.Context, epoch int64, events []NewEvent) error

// Screened is a log that can be given a screen; the last one given counts.
type Screened interface{ Screen(s Screen) }

// Store is an open database.
type Store interface {
	DB
	// Log returns the connection's log, opening (head row, secrets, log id) it the first time.
	Log(ctx context.Context, connection string) (Log, error)
	// Connections lists the logs there are, by name.
	Connections(ctx context.Context) ([]string, error)
	// Writable returns why nothing can be written: nil while no write has failed, or when one tried some seconds after
	// the last that did goes well.
	Writable(ctx context.Context) error
	// Scrub has the database's files let go of what was deleted from the tables or overwritten in them, as far as the role
	// may: what no query finds may lie in them for long.
	Scrub(ctx context.Context, tables ...string) error
	Close() error
}

// EventID names an event and whose key seals it.
type EventID struct {
	ID       ulid.ULID
	Subject  string
	Position int64
}

// Vault seals and opens what belongs to a subject, and makes blind tokens under the connection's secret.
type Vault interface {
	// Prefetch loads the keys of the subjects in one round trip and makes the missing ones, durably.
	Prefetch(ctx context.Context, subjects ...string) error
	// Seal encrypts plain for the subject, bound to purpose (a table or column name and key). Its key is made when
	// missing. ErrErased when the subject's key was destroyed.
	Seal(ctx context.Context, subject, purpose string, plain []byte) ([]byte, error)
	// Open reverses Seal.
	Open(ctx context.Context, subject, purpose string, sealed []byte) ([]byte, error)
	// EventKeys returns the keys that sealed the events, nil where the subject's was destroyed. Such a key opens its event
	// and no other.
	EventKeys(ctx context.Context, events ...EventID) ([][]byte, error)
	// Blind is an HMAC-SHA-256 of kind and value under the connection's secret, cut to 128 bits: equal values are
	// found again without being stored.
	Blind(kind, value string) []byte
	// Secret derives a 32-byte secret of the connection for one use; the same name always gives the same bytes.
	Secret(name string) []byte
}
