package hubspot

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Project is a HubSpot developer project with an app for one or more portals: what its command line tool uploads. Webhook
// subscriptions stand in a file of it, one for each property.
type Project struct {
	// TargetURL is where all webhooks of the app go.
	TargetURL string
	// RedirectURL is where a person is led back to who allowed the app in; empty: static authentication, for one portal.
	RedirectURL string
	// Properties are told about when they change.
	Properties []string
}

const (
	appFile      = "src/app/app-hsmeta.json"
	webhooksFile = "src/app/webhooks/webhooks-hsmeta.json"
)

// obj is a JSON object; its keys are written in the order of their names.
type obj = map[string]any

// Files are the project's files by path. was is the webhooks file there was, if any: a subscription that is no longer
// wanted is switched off in it and kept, for HubSpot refuses an upload in which one is missing.
func (p Project) Files(was []byte) (map[string][]byte, error) {
	hooks, err := p.webhooks(was)
	if err != nil {
		return nil, err
	}
	auth := obj{"type": "static", "requiredScopes": Scopes, "optionalScopes": []string{}, "conditionallyRequiredScopes": []string{}}
	if p.RedirectURL != "" {
		auth["type"], auth["redirectUrls"] = "oauth", []string{p.RedirectURL}
		auth["requiredScopes"] = append([]string{"oauth"}, Scopes...)
	}
	files := map[string]any{
		"hsproject.json": obj{"name": "duolog", "srcDir": "src", "platformVersion": "2025.2"},
		appFile: obj{"uid": "duolog_app", "type": "app", "config": obj{
			"name": "Duolog", "description": "Keeps contacts in step with Aloware.", "distribution": "private", "auth": auth,
			"permittedUrls": obj{"fetch": []string{}, "iframe": []string{}, "img": []string{}},
		}},
		webhooksFile: hooks,
	}
	out := map[string][]byte{"README.md": []byte(p.readme())}
	for name, v := range files {
		b, err := json.MarshalIndent(v, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out[name] = append(b, '\n')
	}
	return out, nil
}

// WebhooksFile is the path of the file the subscriptions stand in.
func WebhooksFile() string { return webhooksFile }

type hookFile struct {
	UID    string `json:"uid"`
	Type   string `json:"type"`
	Config struct {
		Settings struct {
			TargetURL string `json:"targetUrl"`
			Max       int    `json:"maxConcurrentRequests"`
		} `json:"settings"`
		Subscriptions struct {
			CRM    []subscription `json:"crmObjects"`
			Legacy []subscription `json:"legacyCrmObjects"`
			Hub    []subscription `json:"hubEvents"`
		} `json:"subscriptions"`
	} `json:"config"`
}

type subscription struct {
	Type     string `json:"subscriptionType"`
	Object   string `json:"objectType,omitempty"`
	Property string `json:"propertyName,omitempty"`
	Active   bool   `json:"active"`
}

func (p Project) webhooks(was []byte) (hookFile, error) {
	var f, old hookFile
	if len(was) > 0 {
		if err := json.Unmarshal(was, &old); err != nil {
			return f, fmt.Errorf("%s is there and is not one of HubSpot's: move it away", webhooksFile)
		}
	}
	f.UID, f.Type = orElse(old.UID, "duolog_webhooks"), "webhooks"
	f.Config.Settings.TargetURL, f.Config.Settings.Max = p.TargetURL, orElse(old.Config.Settings.Max, 10)
	var crm []subscription
	for _, event := range []string{"creation", "deletion", "merge", "restore"} {
		crm = append(crm, subscription{Type: "object." + event, Object: "contact", Active: true})
	}
	for _, name := range slices.Sorted(slices.Values(p.Properties)) {
		crm = append(crm, subscription{Type: "object.propertyChange", Object: "contact", Property: name, Active: true})
	}
	s, o := &f.Config.Subscriptions, old.Config.Subscriptions
	s.CRM, s.Legacy = keep(crm, o.CRM), keep([]subscription{}, o.Legacy)
	s.Hub = keep([]subscription{{Type: "contact.privacyDeletion", Active: true}}, o.Hub)
	return f, nil
}

// keep adds the subscriptions there were and are no longer wanted, switched off.
func keep(wanted, were []subscription) []subscription {
	for _, o := range were {
		same := func(s subscription) bool { return s.Type == o.Type && s.Object == o.Object && s.Property == o.Property }
		if !slices.ContainsFunc(wanted, same) {
			o.Active = false
			wanted = append(wanted, o)
		}
	}
	return wanted
}

// Subscribed lists the properties a webhooks file has subscriptions for.
func Subscribed(file []byte) ([]string, error) {
	var f hookFile
	if err := json.Unmarshal(file, &f); err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", webhooksFile, err)
	}
	var out []string
	for _, s := range append(f.Config.Subscriptions.CRM, f.Config.Subscriptions.Legacy...) {
		if s.Active && s.Property != "" {
			out = append(out, s.Property)
		}
	}
	return out, nil
}

func (p Project) readme() string {
	return strings.Join([]string{
		"# The HubSpot app of Duolog", "",
		"Written by `duolog connect hubspot --app-dir`; written again whenever the mapping changed. Upload it with HubSpot's own",
		"tool:", "",
		"    npx @hubspot/cli account auth",
		"    npx @hubspot/cli project upload", "",
		"Then install it: HubSpot → Development → Projects → duolog → Distribution. The Auth tab shows what `duolog connect",
		"hubspot` asks for.", "",
	}, "\n")
}
