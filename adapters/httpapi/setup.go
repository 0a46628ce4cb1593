package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Setup makes connections, opens their systems and takes them away, while the service runs.
type Setup interface {
	// AddConnection makes one, switched off. It is served as soon as it has the credentials of both systems.
	AddConnection(ctx context.Context, name string, c Credentials, by By) (Connecting, error)
	// GiveCredentials puts credentials in place of those before; what is not named stays.
	GiveCredentials(ctx context.Context, name string, c Credentials) (Connecting, error)
	// RemoveConnection has it served no more and forgets its credentials. Its log stays.
	RemoveConnection(ctx context.Context, name string, by By) (Removed, error)
	// Connecting looks at every step.
	Connecting(ctx context.Context, name string) (Connecting, error)
	// Prepare makes in HubSpot what a sync needs there.
	Prepare(ctx context.Context, name string) (Connecting, error)
}

// Credentials say where what opens the systems stands, as the service sees it: env:NAME or file:PATH. A secret itself is
// never in them.
type Credentials struct {
	HubSpot map[string]string `json:"hubspot,omitempty" doc:"access_token, or client_id and refresh_token; client_secret: each env:NAME or file:PATH"`
	Aloware map[string]string `json:"aloware,omitempty" doc:"api_token, webhook_token: each env:NAME or file:PATH"`
}

// Connecting is how far a connection is set up.
type Connecting struct {
	Connection string      `json:"connection"`
	Mode       string      `json:"mode"`
	HubSpot    SystemSetup `json:"hubspot"`
	Aloware    SystemSetup `json:"aloware"`
	Notes      []string    `json:"notes,omitempty" doc:"What is to be known besides, as how the credentials given take effect"`
}

// SystemSetup is one side of it.
type SystemSetup struct {
	Account  string     `json:"account,omitempty"`
	Webhooks string     `json:"webhooks" doc:"Where the system is to send its webhooks"`
	Form     []FormLine `json:"form,omitempty" doc:"What is to be filled in by hand, line by line"`
	Steps    []Step     `json:"steps"`
}

// FormLine is a line of a form.
type FormLine struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// States of a step.
const (
	StepDone    = "done"
	StepMissing = "missing" // somebody has something to do
	StepWaiting = "waiting" // for the other system
	StepUnknown = "unknown" // a step before it is missing, or the system does not tell
	StepSkipped = "skipped" // the settings do without it
)

// Step is something that has to be so before a system is connected.
type Step struct {
	Step  string     `json:"step"`
	State string     `json:"state" enum:"done,missing,waiting,unknown,skipped"`
	Says  string     `json:"says"`
	Next  string     `json:"next,omitempty" doc:"What to do about it"`
	At    *time.Time `json:"at,omitempty"`
}

// Removed says what is left of a connection that was removed.
type Removed struct {
	Connection string   `json:"connection"`
	Left       []string `json:"left" doc:"What is yours to remove"`
}

type addConnectionInput struct {
	Body struct {
		Name string `json:"name" minLength:"1" maxLength:"63" doc:"Small letters, digits and -, for ever"`
		Credentials
		Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"Why, kept in the log"`
	}
}

type credentialsInput struct {
	Connection string `path:"connection" maxLength:"100"`
	Body       Credentials
}

func (a *api) registerSetup() {
	const at = "/v1/connections"
	register(a, act("add-connection", at, "Make a connection, switched off",
		"Credentials may be given with it or later, each by where it stands: env:NAME or file:PATH. With those of both "+
			"systems it is served by this process at once, by others after a restart or SIGHUP."), ManageConnections, a.addConnection)
	register(a, act("remove-connection", at+"/{connection}/remove", "Serve a connection no more; its log stays",
		"Its mode becomes off and its stored credentials are forgotten."), ManageConnections, a.removeConnection)
	register(a, act("give-credentials", at+"/{connection}/credentials", "Give what opens the systems, by where it stands",
		"It is read now and stored sealed. What is not named stays as it was."), ManageConnections,
		func(ctx context.Context, in *credentialsInput) (*body[Connecting], error) {
			return setUp(a, func(s Setup) (Connecting, error) { return s.GiveCredentials(ctx, in.Connection, in.Body) })
		})
	register(a, get("get-connecting", at+"/{connection}/connect", "How far a connection is set up, step by step", "connections"),
		ManageConnections, func(ctx context.Context, in *connectionInput) (*body[Connecting], error) {
			return setUp(a, func(s Setup) (Connecting, error) { return s.Connecting(ctx, in.Connection) })
		})
	register(a, act("connect-hubspot", at+"/{connection}/connect/hubspot", "Make in HubSpot what a sync needs there",
		"The property duolog_contact_id, by which a contact made twice finds itself."), ManageConnections,
		func(ctx context.Context, in *connectionInput) (*body[Connecting], error) {
			return setUp(a, func(s Setup) (Connecting, error) { return s.Prepare(ctx, in.Connection) })
		})
}

func (a *api) addConnection(ctx context.Context, in *addConnectionInput) (*body[Connecting], error) {
	who := identity(ctx)
	if !who.reaches(in.Body.Name) {
		return nil, problem(http.StatusForbidden, "a token of one connection makes no other: use the service's own, "+
			"DUOLOG_API_TOKEN or the one in admin.token in its data folder")
	}
	reason := strings.TrimSpace(in.Body.Reason)
	if reason == "" {
		return nil, fmt.Errorf("%w: an act needs a reason", ErrBadInput)
	}
	return setUp(a, func(s Setup) (Connecting, error) {
		return s.AddConnection(ctx, in.Body.Name, in.Body.Credentials, By{Actor: who.Actor(), Reason: reason})
	})
}

func (a *api) removeConnection(ctx context.Context, in *reasonInput) (*body[Removed], error) {
	reason := strings.TrimSpace(in.Body.Reason)
	if reason == "" {
		return nil, fmt.Errorf("%w: an act needs a reason", ErrBadInput)
	}
	return setUp(a, func(s Setup) (Removed, error) {
		return s.RemoveConnection(ctx, in.Connection, By{Actor: identity(ctx).Actor(), Reason: reason})
	})
}

// setUp asks whoever sets connections up here.
func setUp[T any](a *api, do func(Setup) (T, error)) (*body[T], error) {
	if a.Setup == nil {
		return nil, fmt.Errorf("%w: connections are not set up here", ErrNotFound)
	}
	out, err := do(a.Setup)
	if err != nil {
		return nil, err
	}
	return &body[T]{out}, nil
}
