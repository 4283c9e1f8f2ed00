"""The closed loop, replayed: what every act finds, and what it leaves. One file a family of acts."""
