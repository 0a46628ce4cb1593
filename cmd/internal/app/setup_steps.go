package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/adapters/hubspot"
	"github.com/duolog/duolog/adapters/ingest"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// tester tells when a system's test delivery came; nil: nobody who is asked takes any in.
type tester interface{ Tested() time.Time }

// connecting looks at every step of setting the connection up.
func (a *App) connecting(ctx context.Context, tested tester) (httpapi.Connecting, error) {
	s, err := a.Status(ctx)
	if err != nil {
		return httpapi.Connecting{}, err
	}
	policy, err := a.policyInForce(ctx)
	if err != nil {
		return httpapi.Connecting{}, err
	}
	refused, err := a.Rejected(ctx, ingest.RingSize)
	if err != nil {
		return httpapi.Connecting{}, err
	}
	out := httpapi.Connecting{Connection: a.Connection, Mode: s.Mode}
	if out.HubSpot, err = a.hubspotSetup(ctx, policy); err != nil {
		return out, err
	}
	out.HubSpot.Steps = append(out.HubSpot.Steps, delivery(domain.HubSpot, s, refused, policy.Sources.HubSpot == settings.SourcePoll))
	out.Aloware = a.alowareSetup(ctx, tested)
	out.Aloware.Steps = append(out.Aloware.Steps, delivery(domain.Aloware, s, refused, false))
	for _, n := range s.Needs {
		if strings.Contains(n, "own HubSpot integration") {
			out.Notes = append(out.Notes, n)
		}
	}
	return out, nil
}

// opensHubSpot reports whether there is anything to enter a portal with.
func (c Config) opensHubSpot() bool {
	return c.HubSpot.AccessToken != "" || c.HubSpot.RefreshToken != ""
}

const giveNext = "duolog connect %[1]s, or POST …/credentials with what stands where: env:NAME or file:PATH"

func (a *App) hubspotSetup(ctx context.Context, policy settings.Settings) (httpapi.SystemSetup, error) {
	out := httpapi.SystemSetup{Webhooks: a.HookURL(domain.HubSpot)}
	token := httpapi.Step{Step: "token", State: httpapi.StepMissing, Says: "no token is stored", Next: fmt.Sprintf(giveNext, "hubspot")}
	var seen HubSpotSeen
	if a.opensHubSpot() {
		var err error
		if seen, err = a.LookAtHubSpot(ctx); err != nil {
			token.Says, token.Next = err.Error(), "check the token, whose portal it opens, and where HubSpot is; then give it anew"
		} else {
			token.State, token.Says, token.Next, out.Account = httpapi.StepDone, "works, portal "+seen.Portal, "", seen.Portal
		}
	}
	secret := httpapi.Step{Step: "client secret", State: httpapi.StepDone, Says: "stored: webhooks are checked with it"}
	if a.HubSpot.ClientSecret == "" {
		secret.State, secret.Says, secret.Next = httpapi.StepMissing, "none is stored: no webhook can be taken in", fmt.Sprintf(giveNext, "hubspot")
	}
	out.Steps = []httpapi.Step{token, secret}
	if token.State == httpapi.StepDone {
		out.Steps = append(out.Steps, seen.scopesStep(), seen.propertyStep())
	} else {
		for _, name := range []string{"scopes", "property"} {
			out.Steps = append(out.Steps, httpapi.Step{Step: name, State: httpapi.StepUnknown, Says: "not looked at: the token comes first"})
		}
	}
	subscribed, err := a.subscribedStep(ctx, policy)
	out.Steps = append(out.Steps, subscribed)
	return out, err
}

func (s HubSpotSeen) scopesStep() httpapi.Step {
	switch {
	case s.Untold:
		return httpapi.Step{Step: "scopes", State: httpapi.StepUnknown, Says: "HubSpot does not tell the scopes of this token", Next: "duolog doctor says what is missing"}
	case len(s.Lacking) > 0:
		return httpapi.Step{
			Step: "scopes", State: httpapi.StepMissing, Says: "missing: " + strings.Join(s.Lacking, ", "),
			Next: "add them to the app (duolog connect hubspot --app-dir DIR writes it), upload and install it again, and give its new token",
		}
	}
	return httpapi.Step{Step: "scopes", State: httpapi.StepDone, Says: fmt.Sprintf("all %d are granted", len(hubspot.Scopes))}
}

func (s HubSpotSeen) propertyStep() httpapi.Step {
	if s.Unique {
		return httpapi.Step{Step: "property", State: httpapi.StepDone, Says: hubspot.UniqueProperty + " is there"}
	}
	return httpapi.Step{
		Step: "property", State: httpapi.StepMissing, Says: hubspot.UniqueProperty + " is not there: a person could be made twice",
		Next: "POST …/connect/hubspot makes it, as duolog connect hubspot does",
	}
}

// subscribedStep says whether HubSpot's app sends what the mapping needs.
func (a *App) subscribedStep(ctx context.Context, policy settings.Settings) (httpapi.Step, error) {
	step, write := httpapi.Step{Step: "subscriptions"}, "duolog connect hubspot --app-dir DIR writes the app; then upload it"
	if policy.Sources.HubSpot == settings.SourcePoll {
		step.State, step.Says = httpapi.StepSkipped, "the settings have HubSpot polled"
		return step, nil
	}
	stored, err := a.secrets().All(ctx)
	if err != nil {
		return step, err
	}
	missing, err := a.unsubscribed(ctx, policy)
	if err != nil {
		return step, err
	}
	switch _, written := stored[keySubscribed]; {
	case !written:
		step.State, step.Next = httpapi.StepUnknown, write
		step.Says = "the app was not written by Duolog: it must send contact.creation, deletion, merge, restore and propertyChange of " +
			strings.Join(subscriptions(policy), ", ")
	case len(missing) > 0:
		step.State, step.Says, step.Next = httpapi.StepMissing, "the app is behind the mapping, without "+strings.Join(missing, ", "), write
	default:
		step.State, step.Says = httpapi.StepDone, fmt.Sprintf("the app was written for all %d mapped properties", len(subscriptions(policy)))
	}
	return step, nil
}

// AlowareForm is what is to be filled in by hand in Aloware, whose API registers no webhooks. token is what is to be pasted.
func (c Config) AlowareForm(token string) []httpapi.FormLine {
	return []httpapi.FormLine{
		{Label: "Where", Value: "Aloware → Integrations → Webhooks → Settings → + Add Webhook; then Save & Test"},
		{Label: "Name", Value: "Duolog"},
		{Label: "URL", Value: c.HookURL(domain.Aloware)},
		{Label: "Authentication", Value: "Bearer; paste: " + token + " (only this; Aloware adds the word Bearer)"},
		{Label: "Delay", Value: "0"},
		{Label: "Events", Value: "Contact created · Contact updated · Contact disposed · Contact DNC updated · Communication disposed · Call disposed"},
		{Label: "Filters", Value: "none"},
	}
}

func (a *App) alowareSetup(ctx context.Context, tested tester) httpapi.SystemSetup {
	out := httpapi.SystemSetup{
		Webhooks: a.HookURL(domain.Aloware), Form: a.AlowareForm("what was given as webhook_token"),
	}
	token := httpapi.Step{Step: "token", State: httpapi.StepMissing, Says: "no API token is stored", Next: fmt.Sprintf(giveNext, "aloware")}
	if a.Aloware.APIToken != "" {
		account, err := a.LookAtAloware(ctx)
		if err != nil {
			token.Says, token.Next = err.Error(), "check the token and where Aloware is; then give it anew"
		} else {
			out.Account, token.State, token.Next = account, httpapi.StepDone, ""
			token.Says = strings.TrimSuffix("works, account "+account, ", account ") +
				". It belongs to one admin user; if that user is deleted, the sync of Aloware stops"
		}
	}
	hook := httpapi.Step{Step: "webhook token", State: httpapi.StepDone, Says: "stored: the form takes the same"}
	if a.Aloware.WebhookToken == "" {
		hook.State, hook.Says, hook.Next = httpapi.StepMissing, "none is stored: no webhook can be taken in", fmt.Sprintf(giveNext, "aloware")
	}
	test := httpapi.Step{
		Step: "test delivery", State: httpapi.StepWaiting, Says: "none came since this process serves the connection",
		Next: "fill in the form in Aloware, then Save & Test",
	}
	if tested != nil && !tested.Tested().IsZero() {
		at := tested.Tested().UTC()
		test.State, test.Says, test.Next, test.At = httpapi.StepDone, "came", "", &at
	}
	out.Steps = []httpapi.Step{token, hook, test}
	return out
}

// delivery says whether a system's webhooks come in.
func delivery(of domain.System, s httpapi.Status, refused []ingest.Line, polled bool) httpapi.Step {
	step := httpapi.Step{Step: "first delivery", State: httpapi.StepWaiting, Says: "none came yet", Next: "change any contact in " + of.Title()}
	if polled {
		return httpapi.Step{Step: step.Step, State: httpapi.StepSkipped, Says: "the settings have " + of.Title() + " polled"}
	}
	if last := s.Systems[string(of)].LastWebhook; last != nil {
		return httpapi.Step{Step: step.Step, State: httpapi.StepDone, Says: "the last one came and was good", At: last}
	}
	for _, line := range refused {
		if line.System == of && line.Kind == ingest.KindRejected {
			step.State, step.Says = httpapi.StepMissing, "refused: "+line.Reason
			step.Next = "mend the URL or the secret where " + of.Title() + " has it; duolog webhooks rejected shows all"
			break
		}
	}
	return step
}
