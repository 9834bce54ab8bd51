"""What plugins for evaluation implement. The evaluation itself is in the distribution safelight-lab."""
