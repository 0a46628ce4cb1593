package app

import (
	"fmt"
	"net/http"
	"time"

	"github.com/duolog/duolog/adapters"
	"github.com/duolog/duolog/adapters/aloware"
	"github.com/duolog/duolog/adapters/hubspot"
	"github.com/duolog/duolog/domain"
	"github.com/duolog/duolog/domain/settings"
)

// systems makes the clients of both sides under the limits of the settings.
func (c Config) systems(s settings.Settings) (map[domain.System]adapters.System, error) {
	client := &http.Client{Timeout: 15 * time.Second, Transport: c.Transport}
	given := client // Aloware's client knows its own patience
	if c.Transport == nil {
		given, client.Transport = nil, &http.Transport{
			MaxIdleConnsPerHost: 16, IdleConnTimeout: 90 * time.Second, Proxy: http.ProxyFromEnvironment,
		}
	}
	h, err := c.hubspot(s, client, 0)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	a, err := c.alowareClient(s, given)
	if err != nil {
		return nil, err
	}
	return map[domain.System]adapters.System{domain.HubSpot: h, domain.Aloware: a}, nil
}

// alowareClient makes the client of Aloware; a nil one of HTTP is its own.
func (c Config) alowareClient(s settings.Settings, client *http.Client) (*aloware.Client, error) {
	if client == nil && c.Transport != nil {
		client = &http.Client{Transport: c.Transport}
	}
	a, err := aloware.New(aloware.Config{
		BaseURL: c.Aloware.BaseURL, Token: c.Aloware.APIToken, WebhookToken: c.Aloware.WebhookToken,
		PerSecond: s.Limits.AlowarePerSecond, HTTPClient: client,
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	return a, nil
}

// hubspot makes the client of HubSpot; a nil one of HTTP is its own. tries, when not 0, is how often it asks.
func (c Config) hubspot(s settings.Settings, client *http.Client, tries int) (*hubspot.Client, error) {
	if client == nil && c.Transport != nil {
		client = &http.Client{Transport: c.Transport}
	}
	return hubspot.New(hubspot.Config{
		BaseURL: c.HubSpot.BaseURL, Token: c.HubSpot.AccessToken, ClientID: c.HubSpot.ClientID,
		ClientSecret: c.HubSpot.ClientSecret, RefreshToken: c.HubSpot.RefreshToken, WebhookSecret: c.HubSpot.ClientSecret,
		Shared: c.shared, APIVersion: c.HubSpot.APIVersion, Share: s.Limits.HubSpotShare, Region: s.PhoneRegion,
		HTTPClient: client, Tries: tries,
	})
}
