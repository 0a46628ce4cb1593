package app

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"

	"github.com/duolog/duolog/adapters/stream"
	"github.com/duolog/duolog/adapters/stream/cloudevent"
	"github.com/duolog/duolog/adapters/stream/forward"
)

// Forward is one place events are forwarded to, as the configuration file names it.
type Forward struct {
	Name    string          `yaml:"name"` // of the consumer that keeps its checkpoint
	NATS    *ForwardNATS    `yaml:"nats"`
	Webhook *ForwardWebhook `yaml:"webhook"`
	View    string          `yaml:"view"` // log or contacts
	Type    string          `yaml:"type"` // words separated by commas, as in the feed
	Field   string          `yaml:"field"`
	System  string          `yaml:"system"`
	Data    string          `yaml:"data"` // ids, masked or full; default ids
	From    string          `yaml:"from"` // start or head, for the first time; default head
}

// ForwardNATS is a JetStream.
type ForwardNATS struct {
	URL         string `yaml:"url"`
	Credentials string `yaml:"credentials"` // a file
	Stream      string `yaml:"stream"`
	Prefix      string `yaml:"prefix"`
}

// ForwardWebhook is an endpoint.
type ForwardWebhook struct {
	URL        string `yaml:"url"`
	Secret     string `yaml:"secret"`
	SecretFile string `yaml:"secret_file"`
	Attempts   int    `yaml:"attempts"`
}

// readForward reads the list under the key forward.
func readForward(section any) ([]Forward, error) {
	text, err := yaml.Marshal(section)
	if err != nil {
		return nil, err
	}
	var all []Forward
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	if err := dec.Decode(&all); err != nil {
		return nil, fmt.Errorf("forward: %w", err)
	}
	names := map[string]bool{}
	for i, f := range all {
		if err := all[i].complete(); err != nil {
			return nil, fmt.Errorf("forward %d: %w", i+1, err)
		}
		if names[f.Name] {
			return nil, fmt.Errorf("forward %d: there is another one of the name %s", i+1, f.Name)
		}
		names[f.Name] = true
	}
	return all, nil
}

func (f *Forward) complete() error {
	switch {
	case f.Name == "":
		return fmt.Errorf("a name is missing")
	case (f.NATS == nil) == (f.Webhook == nil):
		return fmt.Errorf("want either nats or webhook")
	case f.From != "" && f.From != "start" && f.From != "head":
		return fmt.Errorf("from is start or head")
	case f.Data != "" && f.Data != cloudevent.IDs && f.Data != cloudevent.Masked && f.Data != cloudevent.Full:
		return fmt.Errorf("data is ids, masked or full")
	}
	if _, err := f.filter(); err != nil {
		return err
	}
	if f.Webhook != nil && f.Webhook.SecretFile != "" {
		secret, err := os.ReadFile(f.Webhook.SecretFile)
		if err != nil {
			return fmt.Errorf("secret_file: %w", err)
		}
		f.Webhook.Secret = strings.TrimSpace(string(secret))
	}
	if f.Webhook != nil {
		_, err := f.target("")
		return err
	}
	return nil
}

func (f Forward) filter() (stream.Filter, error) {
	return stream.NewFilter(f.View, f.Type, f.Field, f.System)
}

// target makes what events are handed to.
func (f Forward) target(connection string) (forward.Target, error) {
	if f.NATS != nil {
		return forward.NewNATS(forward.NATSConfig{
			URL: f.NATS.URL, Credentials: f.NATS.Credentials, Stream: f.NATS.Stream, Prefix: f.NATS.Prefix, Connection: connection,
		})
	}
	return forward.NewWebhook(forward.WebhookConfig{URL: f.Webhook.URL, Secret: f.Webhook.Secret, Attempts: f.Webhook.Attempts})
}

// forwarders makes what the configuration names; each begins to work when it runs.
func (a *App) forwarders() ([]*forward.Forwarder, error) {
	var all []*forward.Forwarder
	for _, f := range a.Forward {
		filter, err := f.filter()
		if err != nil {
			return nil, fmt.Errorf("%w: forward %s: %w", ErrConfig, f.Name, err)
		}
		target, err := f.target(a.Connection)
		if err != nil {
			return nil, fmt.Errorf("%w: forward %s: %w", ErrConfig, f.Name, err)
		}
		after := int64(-1)
		if f.From == "start" {
			after = 0
		}
		made, err := forward.New(forward.Config{
			Groups: a.Groups, Log: a.Log, Name: f.Name, Target: target, Filter: filter, After: after, Data: f.Data, Logger: a.Logger,
		})
		if err != nil {
			return nil, fmt.Errorf("%w: forward %s: %w", ErrConfig, f.Name, err)
		}
		all = append(all, made)
	}
	return all, nil
}

// forwardEvents runs the forwarders until ctx ends. What is wrong with one stops nothing else.
func (a *App) forwardEvents(ctx context.Context) error {
	all, err := a.forwarders()
	if err != nil {
		a.Logger.Error("events are not forwarded", slog.Any("error", err))
		<-ctx.Done()
		return ctx.Err()
	}
	g, ctx := errgroup.WithContext(ctx)
	for _, f := range all {
		g.Go(func() error { return f.Run(ctx) })
	}
	<-ctx.Done()
	return g.Wait()
}
