package app

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/duolog/duolog/adapters/httpapi"
	"github.com/duolog/duolog/domain"
)

// CreateToken makes a bearer token and stores its SHA-256 as an act. The secret is returned this once.
func (a *App) CreateToken(ctx context.Context, r httpapi.TokenRequest, by httpapi.By) (string, httpapi.Token, error) {
	now := time.Now()
	if err := r.Check(now); err != nil {
		return "", httpapi.Token{}, err
	}
	secret, t, err := httpapi.NewToken(a.NewID(), r.Name, r.Role, r.Data, r.Expires)
	if err != nil {
		return "", httpapi.Token{}, err
	}
	act, err := a.act(domain.TokenCreated, httpapi.TokenStream, domain.Act{Reason: by.Reason, Token: &t}, by)
	if err != nil {
		return "", httpapi.Token{}, err
	}
	_, err = a.append(ctx, act)
	return secret, httpapi.TokenOf(t, now), err
}

// Tokens lists those that were not revoked, oldest first.
func (a *App) Tokens(ctx context.Context) ([]httpapi.Token, error) {
	list, err := a.tokens.List(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]httpapi.Token, len(list))
	for i, t := range list {
		out[i] = httpapi.TokenOf(t, time.Now())
	}
	return out, nil
}

// RevokeToken ends a token for good.
func (a *App) RevokeToken(ctx context.Context, id ulid.ULID, by httpapi.By) (httpapi.Done, error) {
	list, err := a.tokens.List(ctx)
	if err != nil {
		return httpapi.Done{}, err
	}
	if !slices.ContainsFunc(list, func(t domain.Token) bool { return t.ID == id }) {
		return httpapi.Done{}, fmt.Errorf("%w: there is no token %s; duolog tokens list shows those there are", httpapi.ErrNotFound, id)
	}
	act, err := a.act(domain.TokenRevoked, httpapi.TokenStream, domain.Act{
		Reason: by.Reason, Token: &domain.Token{ID: id},
	}, by)
	if err != nil {
		return httpapi.Done{}, err
	}
	return a.append(ctx, act)
}

// authorizer knows the tokens of the log, and the bootstrap one.
func (a *App) authorizer(bootstrap string) (*httpapi.Tokens, error) {
	static, err := httpapi.NewStatic(bootstrap)
	if err != nil {
		return nil, fmt.Errorf("%w: DUOLOG_API_TOKEN: %w", ErrConfig, err)
	}
	a.tokens.Static = static
	return a.tokens, nil
}
