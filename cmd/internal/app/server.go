package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
)

// surface is what the HTTP API shows of this connection. Taking webhooks in and reading need no lease.
func (e *engine) surface(hubspot, aloware httpapi.Webhooks) httpapi.Connection {
	return httpapi.Connection{
		Log: e.Log, HubSpot: hubspot, Aloware: aloware,
		Rejected: e.Ring, Contacts: e.Contacts, History: e.History, Commands: e.outbox(), Acts: e.App, Erasures: e.App,
		Tokens: e.App, Proofs: e.App,
		Settings: e.App, Replays: e.App, Mapping: e.App, Status: e.Status, Catalogs: e.App, Plans: e.App, Card: e.Card, DealOwner: e.DealOwner, Explain: e.Explain,
		Import: e.importFile, Groups: e.Groups, Projections: e.Runner, Report: e.Report, Looked: e.Looked, Export: e.ExportTo,
	}
}

// server is the HTTP API over all connections.
func (h *host) server() (httpapi.Server, error) {
	e := h.first
	token, err := e.apiToken()
	if err != nil {
		return httpapi.Server{}, err
	}
	if _, err := e.authorizer(token); err != nil {
		return httpapi.Server{}, err
	}
	handler, err := httpapi.New(httpapi.Config{
		Version: Version(), PublicURL: e.PublicURL, Authorizer: h, Registry: h.registry, Logger: e.Logger,
		Connection: func(name string) (httpapi.Connection, bool) {
			s := h.named(name)
			if s == nil {
				return httpapi.Connection{}, false
			}
			return s.conn, true
		},
		Connections: e.Connections, Setup: h, HubSpotApp: h.appWide(),
		Checks: []httpapi.Check{
			{Name: "database", Run: httpapi.Usable(e.Store, e.Log)},
			{Name: "planner", Run: h.notStuck},
		},
	})
	if err != nil {
		return httpapi.Server{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return httpapi.Server{Handler: handler, Logger: e.Logger}, nil
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
