"""The moderation stages. Each gathers findings and coverage, evaluates the policy and returns a verdict."""
