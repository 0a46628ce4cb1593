package httpapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/duolog/duolog/adapters/stream/cloudevent"
)

// Role is what a token may be used for.
type Role string

// The roles.
const (
	Auditor  Role = "auditor"
	Operator Role = "operator"
	Engineer Role = "engineer"
	Consumer Role = "consumer"
	Admin    Role = "admin"
)

// Verb is a kind of request.
type Verb string

// The verbs.
const (
	ReadFeed           Verb = "feed.read"       // events, ids only
	ReadValues         Verb = "values.read"     // personal values in events
	ReadContacts       Verb = "contacts.read"   // contacts and their history
	ReadCommands       Verb = "commands.read"   // what waits for a system
	SettleCommands     Verb = "commands.settle" // retry, discard
	ReadSettings       Verb = "settings.read"
	ChangeSettings     Verb = "settings.change" // as in Aloware, an admin's business
	ReadStatus         Verb = "status.read"     // status, metrics
	ReadWebhooks       Verb = "webhooks.read"   // what was not taken in
	SwitchSync         Verb = "sync.switch"     // mode, pause, resume
	ManageTokens       Verb = "tokens.manage"   // admin only
	SettleContacts     Verb = "contacts.settle" // what a person decides about contacts
	ReadCatalogs       Verb = "catalogs.read"
	ChangeCatalogs     Verb = "catalogs.change"     // pull, map
	ReadOperations     Verb = "operations.read"     // and plans
	RunOperations      Verb = "operations.run"      // push, pull, match, reconcile: make a plan, apply it, have it rest or end
	RouteCalls         Verb = "calls.route"         // to whom a number is put through
	ImportContacts     Verb = "contacts.import"     // files exported from a system
	EraseContacts      Verb = "contacts.erase"      // and holds; admin only
	Consume            Verb = "events.consume"      // named consumers of one's own: make, read, acknowledge, reset
	ManageConsumers    Verb = "consumers.manage"    // those of others, too, and who may move them
	TryHistory         Verb = "history.try"         // decide again on what was, under the same settings or others
	ExportLog          Verb = "log.export"          // events with what opens them
	ManageConnections  Verb = "connections.manage"  // add, connect, remove; admin only
	RebuildProjections Verb = "projections.rebuild" // rebuild, pause, resume, cancel, rollback
)

// allowed is the role table. Admin may everything.
var allowed = map[Role][]Verb{
	Auditor: {
		ReadFeed, ReadValues, ReadContacts, ReadCommands, ReadSettings, ReadStatus, ReadWebhooks, ReadCatalogs, ReadOperations,
		TryHistory, ExportLog,
	},
	Operator: {
		ReadFeed, ReadContacts, ReadCommands, SettleCommands, SettleContacts, ReadSettings, ReadStatus, ReadWebhooks, SwitchSync,
		ReadCatalogs, ChangeCatalogs, ReadOperations, RunOperations, RouteCalls, ImportContacts, Consume, ManageConsumers,
	},
	Engineer: {
		ReadFeed, ReadValues, ReadContacts, ReadCommands, ReadSettings, ReadStatus, ReadWebhooks, ReadCatalogs, ReadOperations,
		RouteCalls, Consume, TryHistory, RebuildProjections,
	},
	Consumer: {ReadFeed, ReadStatus, RouteCalls, Consume},
}

// May reports whether the role allows the verb.
func (r Role) May(v Verb) bool { return r == Admin || slices.Contains(allowed[r], v) }

// Valid reports whether r is one of the roles.
func (r Role) Valid() bool { return r == Admin || allowed[r] != nil }

// Identity is whoever holds a token.
type Identity struct {
	Name string
	Role Role
	// Connections the token is good for; none means all.
	Connections []string
	// Data says what of personal values the feed shows: DataIDs, DataMasked or DataFull; empty: what the role says.
	Data string
}

// What of personal values a token may see in the feed.
const (
	DataIDs    = cloudevent.IDs
	DataMasked = cloudevent.Masked
	DataFull   = cloudevent.Full
)

// data is what the holder may see in the feed.
func (i Identity) data() string {
	switch {
	case i.Data != "":
		return i.Data
	case i.Role.May(ReadValues):
		return DataFull
	}
	return DataIDs
}

// Actor is how the holder stands in an act.
func (i Identity) Actor() string { return "token:" + i.Name }

func (i Identity) reaches(connection string) bool {
	return len(i.Connections) == 0 || connection == "" || slices.Contains(i.Connections, connection)
}

// refused says why the holder may not do this there; empty when they may.
func (i Identity) refused(verb Verb, connection string) string {
	if !i.reaches(connection) {
		return "this token is good for: " + strings.Join(i.Connections, ", ")
	}
	if i.Role.May(verb) {
		return ""
	}
	var may []string
	for _, r := range []Role{Auditor, Operator, Engineer, Consumer, Admin} {
		if r.May(verb) {
			may = append(may, string(r))
		}
	}
	return fmt.Sprintf("the role %s of this token does not allow %s; it takes one of %s", i.Role, verb, strings.Join(may, ", "))
}

// Authorizer tells who holds a bearer token; false when nobody does.
type Authorizer interface {
	Identify(ctx context.Context, token string) (Identity, bool)
}

// Static is the Authorizer of a configuration: its tokens do not change while it runs.
type Static struct{ tokens []hashed }

type hashed struct {
	sum [sha256.Size]byte
	who Identity
}

// NewStatic returns an authorizer with the bootstrap admin token, when not empty, and extra tokens, each written
// "name:role:sha256" with the token's SHA-256 in hex.
func NewStatic(admin string, extra ...string) (*Static, error) {
	s := &Static{}
	if admin != "" {
		s.tokens = append(s.tokens, hashed{sha256.Sum256([]byte(admin)), Identity{Name: "bootstrap", Role: Admin}})
	}
	for i, line := range extra {
		t, err := parseToken(line)
		if err != nil {
			return nil, fmt.Errorf("token %d: %w", i+1, err)
		}
		s.tokens = append(s.tokens, t)
	}
	return s, nil
}

// parseToken never repeats the line in an error: a token in the wrong place would end up in a log.
func parseToken(line string) (hashed, error) {
	parts := strings.Split(line, ":")
	if len(parts) != 3 || parts[0] == "" {
		return hashed{}, fmt.Errorf("want name:role:sha256, got %d parts", len(parts))
	}
	t := hashed{who: Identity{Name: parts[0], Role: Role(parts[1])}}
	if !t.who.Role.Valid() {
		return hashed{}, fmt.Errorf("%s: want one of the roles auditor, operator, engineer, consumer, admin", parts[0])
	}
	sum, err := hex.DecodeString(parts[2])
	if err != nil || len(sum) != sha256.Size {
		return hashed{}, fmt.Errorf("%s: want the token's SHA-256 as 64 hex digits", parts[0])
	}
	copy(t.sum[:], sum)
	return t, nil
}

// Identify compares digests, each in constant time and always all of them.
func (s *Static) Identify(_ context.Context, token string) (Identity, bool) {
	sum := sha256.Sum256([]byte(token))
	var who Identity
	found := false
	for _, t := range s.tokens {
		if subtle.ConstantTimeCompare(sum[:], t.sum[:]) == 1 && token != "" {
			who, found = t.who, true
		}
	}
	return who, found
}

type holderKey struct{}

// holder is who holds the token of a request, and asks again whether it grants what it did then.
type holder struct {
	Identity
	still func(context.Context) bool
}

func withHolder(ctx context.Context, h holder) context.Context {
	return context.WithValue(ctx, holderKey{}, h)
}

func identity(ctx context.Context) Identity {
	h, _ := ctx.Value(holderKey{}).(holder)
	return h.Identity
}

// granted reports whether the token of a request that takes long grants what it did when it began.
func granted(ctx context.Context) bool {
	h, ok := ctx.Value(holderKey{}).(holder)
	return ok && h.still(ctx)
}

// stillAllowed refuses a request that waited until its token was revoked or had ended.
func stillAllowed(ctx context.Context) error {
	if granted(ctx) {
		return nil
	}
	return huma.ErrorWithHeaders(unauthorized(), http.Header{"WWW-Authenticate": {challenge}})
}

const challenge = `Bearer realm="duolog"`

// unauthorized answers who has no token that is good.
func unauthorized() *Problem {
	return problem(http.StatusUnauthorized,
		"a bearer token is needed that was neither revoked nor has ended: Authorization: Bearer …")
}

// bearer takes the token from an Authorization header.
func bearer(header string) string {
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
