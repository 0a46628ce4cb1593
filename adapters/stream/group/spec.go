package group

import (
	"errors"
	"fmt"
	"hash/fnv"
	"regexp"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/stream"
	"github.com/duolog/duolog/eventstore"
)

// Errors a caller can branch on; always wrapped with detail.
var (
	// ErrUnknown: there is no such consumer.
	ErrUnknown = errors.New("no such consumer")
	// ErrExists: there is one of this name.
	ErrExists = errors.New("there is a consumer of this name")
	// ErrBadSpec: no consumer can be so.
	ErrBadSpec = errors.New("bad consumer")
	// ErrLost: the partitions went to another member, or the consumer was reset; what was delivered comes again.
	ErrLost = errors.New("partitions were lost: this member was silent for longer than its lease; join again")
	// ErrGeneration: the log was restored, or is another one, since the checkpoint was stored.
	ErrGeneration = errors.New("the consumer's checkpoint is of another log or generation")
	// ErrNotGranted: the token could not move the consumer.
	ErrNotGranted = errors.New("this token was not let in")
	// ErrBeyond: the position is past the end of the log.
	ErrBeyond = errors.New("past the end of the log")
)

// Kinds of consumers, by who moves their checkpoint.
const (
	KindGroup   = "group"   // members that join by name
	KindSQL     = "sql"     // a service with watermill-sql, in its own transactions
	KindForward = "forward" // this program, forwarding elsewhere
)

// Partitions of a group. The number is part of how records are divided and never changes.
const Partitions = 16

// Leases a consumer may have.
const (
	DefaultLease = 5 * time.Second
	MinLease     = time.Second
	MaxLease     = 10 * time.Minute
)

// Spec says what a consumer is.
type Spec struct {
	Name   string
	Kind   string // KindGroup when empty
	Filter stream.Filter
	// Lease is how long a silent member keeps its partitions. Default 5 s.
	Lease time.Duration
	// After is the position it begins after; below 0: after the end there is.
	After int64
	// Token is the one that makes it, and so may move it; empty: only who may manage all consumers.
	Token string
}

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

func (s Spec) check() (Spec, error) {
	if s.Kind == "" {
		s.Kind = KindGroup
	}
	if s.Lease == 0 {
		s.Lease = DefaultLease
	}
	switch {
	case !nameForm.MatchString(s.Name):
		return s, fmt.Errorf("%w: a name has up to 63 lower-case letters, digits, dots, dashes and underscores, and begins "+
			"with a letter or digit", ErrBadSpec)
	case s.Kind != KindGroup && s.Kind != KindSQL && s.Kind != KindForward:
		return s, fmt.Errorf("%w: kind is one of group, sql, forward", ErrBadSpec)
	case s.Lease < MinLease || s.Lease > MaxLease:
		return s, fmt.Errorf("%w: a lease lasts from %s to %s", ErrBadSpec, MinLease, MaxLease)
	}
	if err := s.Filter.Validate(); err != nil {
		return s, fmt.Errorf("%w: %w", ErrBadSpec, err)
	}
	return s, nil
}

func (s Spec) partitions() int {
	if s.Kind == KindGroup {
		return Partitions
	}
	return 1
}

// PartitionOf is the partition of a stream, the same for ever.
func PartitionOf(stream string) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(stream)) // never fails
	return int(h.Sum32() % Partitions)
}

// Info is a consumer as it stands.
type Info struct {
	Spec
	CreatedAt  time.Time
	Generation int64
	// Position is how far every partition is acknowledged, Lag how many events lie behind it, Age how old the first of
	// them is.
	Position   int64
	Lag        int64
	Age        time.Duration
	PolledAt   time.Time // by the member that polled last
	AdvancedAt time.Time
	Members    []string // that hold a partition
	Tokens     []string // that may move it
	Partitions []Partition
	Parked     int
	epoch      int64
	logID      []byte
}

// Stale reports whether the positions are of another log or generation.
func (i Info) Stale(head eventstore.Head) bool {
	return i.Generation != head.Generation || string(i.logID) != string(head.LogID[:])
}

// LogID is the log the positions are of.
func (i Info) LogID() (id ulid.ULID) {
	copy(id[:], i.logID)
	return id
}

// Partition is a part of a consumer's work.
type Partition struct {
	Number   int    `json:"partition"`
	Position int64  `json:"position"`
	Member   string `json:"member,omitempty"`
	epoch    int64
	advanced int64
}
