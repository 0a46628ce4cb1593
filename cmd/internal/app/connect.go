package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/hubspot"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/planner"
	"github.com/duolog/duolog/domain/settings"
)

// HookURL is where a system's webhooks go. HubSpot has one URL for an app, in whichever portals it is installed.
func (c Config) HookURL(s domain.System) string {
	url := strings.TrimRight(c.PublicURL, "/") + "/webhooks/" + string(s)
	if s == domain.Aloware {
		url += "/" + c.Connection
	}
	return url
}

// policyInForce are the settings in force, or those a new connection starts with.
func (a *App) policyInForce(ctx context.Context) (settings.Settings, error) {
	had, err := a.SettingsHistory(ctx)
	if err != nil || len(had) == 0 {
		return settings.Preset(settings.PresetDefault)
	}
	return a.settingsInForce(ctx)
}

// WriteHubSpotApp writes the developer project of an app into a folder: its scopes, and a webhook subscription for each
// mapped property. redirect is empty for an app with static authentication.
func (a *App) WriteHubSpotApp(ctx context.Context, dir, redirect string) (files []string, properties int, err error) {
	s, err := a.policyInForce(ctx)
	if err != nil {
		return nil, 0, err
	}
	was, err := os.ReadFile(filepath.Join(dir, hubspot.WebhooksFile()))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("read what is there: %w", err)
	}
	subscribed := subscriptions(s)
	project := hubspot.Project{TargetURL: a.HookURL(domain.HubSpot), RedirectURL: redirect, Properties: subscribed}
	all, err := project.Files(was)
	if err != nil {
		return nil, 0, err
	}
	for _, name := range sortedNames(all) {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil { //nolint:gosec // the folder the person names
			return nil, 0, fmt.Errorf("make the folder of the app: %w", err)
		}
		if err := os.WriteFile(path, all[name], 0o600); err != nil { //nolint:gosec // a fixed name in it
			return nil, 0, fmt.Errorf("write the app: %w", err)
		}
		files = append(files, path)
	}
	return files, len(subscribed), a.secrets().Put(ctx, a.now().UnixMicro(), map[string]string{keySubscribed: strings.Join(subscribed, ",")})
}

// unsubscribable are read, and HubSpot tells of no change of them.
var unsubscribable = []string{settings.MergedIDs, hubspot.UniqueProperty, "lastmodifieddate", "hs_lastmodifieddate", "hs_object_id", "createdate"}

func subscriptions(s settings.Settings) []string {
	return slices.DeleteFunc(slices.Clone(s.ReadProperties(domain.HubSpot)), func(p string) bool {
		return slices.Contains(unsubscribable, p)
	})
}

// unsubscribed are the mapped properties the app was not written to subscribe to: their changes come by sweep alone. None
// when Duolog did not write the app.
func (a *App) unsubscribed(ctx context.Context, s settings.Settings) ([]string, error) {
	stored, err := a.secrets().All(ctx)
	written, ok := stored[keySubscribed]
	if err != nil || !ok {
		return nil, err
	}
	has := strings.Split(written, ",")
	return slices.DeleteFunc(subscriptions(s), func(p string) bool { return slices.Contains(has, p) }), nil
}

// KeepSecrets stores what opens the connection's systems, by the key of the configuration file; empty ones are removed.
func (a *App) KeepSecrets(ctx context.Context, secrets map[string]string) error {
	if err := a.storeSecrets(ctx, secrets); err != nil {
		return err
	}
	return a.unlock(ctx)
}

// storeSecrets stores them for the next start. With a new access to HubSpot, what was granted before is over.
func (a *App) storeSecrets(ctx context.Context, secrets map[string]string) error {
	secrets = maps.Clone(secrets)
	if _, ok := secrets[keyRefresh]; ok {
		secrets[keyGrant] = ""
	}
	return a.secrets().Put(ctx, a.now().UnixMicro(), secrets)
}

// HubSpotSeen is what a look at a portal showed.
type HubSpotSeen struct {
	Portal  string   `json:"portal"`
	Granted []string `json:"granted"`
	Lacking []string `json:"lacking,omitempty"`
	// Untold: HubSpot does not say what this token may do.
	Untold bool `json:"untold,omitempty"`
	// Unique: our property is there.
	Unique bool `json:"unique"`
}

// LookAtHubSpot checks the token, whose portal it opens, and what it may do.
func (a *App) LookAtHubSpot(ctx context.Context) (HubSpotSeen, error) {
	h, err := a.hubspotClient(ctx)
	if err != nil {
		return HubSpotSeen{}, err
	}
	var seen HubSpotSeen
	if seen.Portal, err = h.Identify(ctx); err != nil {
		return seen, err
	}
	if opened, done, err := a.opening(ctx); err != nil || done && opened.Portal != seen.Portal {
		return seen, errors.Join(err, sameAccounts(opened, seen.Portal, ""))
	}
	seen.Granted, err = h.Granted(ctx)
	switch {
	case errors.Is(err, hubspot.ErrUntold):
		seen.Untold = true
	case err != nil:
		return seen, err
	default:
		seen.Lacking = hubspot.Lacking(seen.Granted)
	}
	seen.Unique, err = h.Prepared(ctx)
	return seen, err
}

// PrepareHubSpot makes our property in the portal.
func (a *App) PrepareHubSpot(ctx context.Context) error {
	h, err := a.hubspotClient(ctx)
	if err != nil {
		return err
	}
	return h.Prepare(ctx)
}

func (a *App) hubspotClient(ctx context.Context) (*hubspot.Client, error) {
	s, err := a.policyInForce(ctx)
	if err != nil {
		return nil, err
	}
	h, err := a.hubspot(s, nil, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return h, nil
}

// ExchangeCode gives the code HubSpot led a person back with for a refresh token.
func (a *App) ExchangeCode(ctx context.Context, code, redirect string) (string, error) {
	return hubspot.Exchange(ctx, hubspot.Config{
		BaseURL: a.HubSpot.BaseURL, ClientID: a.HubSpot.ClientID, ClientSecret: a.HubSpot.ClientSecret,
		APIVersion: a.HubSpot.APIVersion,
	}, code, redirect)
}

// Sources are how changes come in, under the settings in force.
func (a *App) Sources(ctx context.Context) (settings.Sources, error) {
	s, err := a.policyInForce(ctx)
	return s.Sources, err
}

// LookAtAloware checks the token and returns the account it opens, empty where Aloware does not tell.
func (a *App) LookAtAloware(ctx context.Context) (string, error) {
	s, err := a.policyInForce(ctx)
	if err != nil {
		return "", err
	}
	client, err := a.alowareClient(s, nil)
	if err != nil {
		return "", err
	}
	account, err := client.Identify(ctx)
	if err != nil {
		return "", err
	}
	if opened, done, err := a.opening(ctx); err != nil || done {
		return account, errors.Join(err, sameAccounts(opened, opened.Portal, account))
	}
	return account, nil
}

// StandBy sets the mode off for a connection that was never told one, so that nothing is read or sent before a person
// says so. It reports whether it did.
func (a *App) StandBy(ctx context.Context, by httpapi.By) (bool, error) {
	control, _, err := a.InForce(ctx)
	if err != nil || control.Mode != "" {
		return false, err
	}
	if had, err := a.SettingsHistory(ctx); err != nil || len(had) > 0 {
		return false, err
	}
	by.Reason = "connected, and not switched on yet"
	_, err = a.SetMode(ctx, httpapi.ModeChange{Mode: domain.ModeOff}, by)
	return err == nil, err
}

// Disconnect forgets what opens a system, or both with none, and sets the mode off. The log stays.
func (a *App) Disconnect(ctx context.Context, systems []domain.System, by httpapi.By) error {
	secrets := map[string]string{}
	for _, s := range systems {
		for _, key := range ofSystem(s) {
			secrets[key] = ""
		}
	}
	if _, err := a.SetMode(ctx, httpapi.ModeChange{Mode: domain.ModeOff}, by); err != nil {
		return err
	}
	return a.secrets().Put(ctx, a.now().UnixMicro(), secrets)
}

// nativeWords says what is known of Aloware's own integration with HubSpot; empty when nothing points to it.
func nativeWords(c planner.Control) string {
	if c.Native.Records == 0 {
		return ""
	}
	return fmt.Sprintf("%d contacts of Aloware say they came from hubspot: Aloware's own HubSpot integration seems to be on. "+
		"Two syncs on one account go round in circles: stay in mode observe until it is switched off", c.Native.Records)
}
