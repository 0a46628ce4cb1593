package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/domain"
)

// server is the HTTP API over this connection. Taking webhooks in and reading need no lease.
func (e *engine) server() (httpapi.Server, error) {
	token, err := e.apiToken()
	if err != nil {
		return httpapi.Server{}, err
	}
	auth, err := e.authorizer(token)
	if err != nil {
		return httpapi.Server{}, err
	}
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), &collector{e}, consumerCollector{e.Groups})
	inlets := e.inlets(ingest.NewMetrics(reg))
	conn := httpapi.Connection{
		Log: e.Log, HubSpot: e.bound(inlets[domain.HubSpot], inlets[domain.HubSpot]), Aloware: inlets[domain.Aloware],
		Rejected: e.Ring, Contacts: e.Contacts, History: e.History, Commands: httpapi.Outbox{DB: e.Store, Connection: e.Connection}, Acts: e.App, Tokens: e.App, Proofs: e.App,
		Settings: e.App, Mapping: e.App, Status: e.Status, Catalogs: e.App, Plans: e.App, Card: e.Card, DealOwner: e.DealOwner,
		Import: e.importFile, Groups: e.Groups,
	}
	h, err := httpapi.New(httpapi.Config{
		Version: Version(), PublicURL: e.PublicURL, Authorizer: auth, Registry: reg, Logger: e.Logger,
		Connection: func(name string) (httpapi.Connection, bool) { return conn, name == e.Connection },
		HubSpotApp: e.bound(&ingest.Router{Ring: e.Ring, Ingests: func() []*ingest.Ingest {
			return []*ingest.Ingest{inlets[domain.HubSpot]}
		}}, inlets[domain.HubSpot]),
		Checks: []httpapi.Check{
			{Name: "database", Run: httpapi.Usable(e.Store, e.Log)},
			{Name: "planner", Run: e.notStuck},
		},
	})
	if err != nil {
		return httpapi.Server{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return httpapi.Server{Handler: h, Logger: e.Logger}, nil
}

// account is the portal or company whose webhooks belong here; empty until the connection was opened.
func (e *engine) account(s domain.System) string {
	if s == domain.HubSpot {
		return e.control.Load().Portal
	}
	return e.control.Load().Account
}

// apiToken returns the admin token of first use. Without one, it is made beside the database, for this user only.
func (e *engine) apiToken() (string, error) {
	if e.APIToken != "" {
		return e.APIToken, nil
	}
	path := filepath.Join(e.Data, "admin.token")
	b, err := os.ReadFile(path)
	if err == nil {
		return string(b), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	token := "duo_" + randomText()
	if err := os.MkdirAll(e.Data, 0o700); err != nil {
		return "", fmt.Errorf("make the data folder: %w", err)
	}
	if err := os.WriteFile(path, []byte(token), 0o600); err != nil {
		return "", fmt.Errorf("write %s: %w", path, err)
	}
	e.Logger.Info("an admin token was made", slog.String("file", path))
	return token, nil
}

// stuckAfter is how long the planner may stand still with inputs before it before the process says it is not ready.
const stuckAfter = 30 * time.Second

// notStuck reports a planner, in whichever process, that stands still with events before it.
func (e *engine) notStuck(ctx context.Context) error {
	_, position, err := e.Control(ctx)
	if err != nil {
		return err
	}
	next, err := e.Log.Read(ctx, position, 1)
	if err != nil || len(next) == 0 {
		return err
	}
	if age := time.Since(time.UnixMicro(next[0].RecordedAt)); age > stuckAfter {
		return fmt.Errorf("planner stands at %d for %s", position, age.Round(time.Second))
	}
	return nil
}
